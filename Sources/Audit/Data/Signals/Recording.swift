import Foundation
import ModelIO
import TensorGraph

/// Numbers of one or more channels over time, as a file has them.
package struct Recording: Sendable {
  /// Where it is from, for messages.
  package let path: String
  /// For each axis of a file's array, in its order, how many there are; one axis for a single channel.
  private let extents: [Int]
  /// Row-major.
  private let numbers: [Double]
  /// Names of channels of a file whose rows are times, none where it has none; nil of other files.
  package let columns: [String]?

  /// Reads a file: comma-separated values whose columns are channels, or the one array of a file of tensors, either axis of
  /// which is time; or makes the bundled recording.
  ///
  /// - Throws: ``FileError`` with row and column when the file cannot be read or holds something else.
  package init(contentsOf path: String, columns wanted: [String]? = nil) throws(FileError) {
    self.path = path
    if path == BundledSignal.name {
      (extents, numbers, columns) = ([BundledSignal.length], BundledSignal.samples, nil)
      return
    }
    guard TensorFile.isThere(path) else {
      let table = try CSVTable(contentsOf: path)
      let (names, rows) = try Recording.rows(of: table, wanted)
      (extents, numbers, columns) = ([rows.count, rows[0].count], rows.flatMap(\.self), names)
      return
    }
    if let wanted {
      throw FileError(
        path: path, problem: "it has no column \((wanted.first ?? "").quotedForMessage)",
        remedy: "leave the columns out: they are for comma-separated values")
    }
    let tensor = try Recording.array(path)
    let extents = tensor.shape.dimensions.filter { $0 != 1 }
    guard (1...2).contains(extents.count), tensor.shape.elementCount >= 2 else {
      throw FileError(
        path: path, problem: "the array is \(tensor.shape), which is no signal",
        remedy: "give one of channels and samples, such as [2, 1000]")
    }
    (self.extents, numbers, columns) = (extents, tensor.doubles, nil)
  }

  /// The array of a .npy file, or the only one of another file.
  private static func array(_ path: String) throws(FileError) -> Tensor {
    let file = try TensorFile(contentsOf: path)
    if file.format == .npy { return try NPYFile.read(path).tensor }
    guard file.names.count == 1, let name = file.names.first else {
      throw FileError(
        path: path, problem: "it holds \(file.names.count) tensors, and a recording is one",
        remedy: "give a file of one array, such as .npy")
    }
    let tensor = try file.tensor(named: name)
    guard tensor.doubles.allSatisfy(\.isFinite) else {
      throw FileError(
        path: path, problem: "it holds numbers that are not finite", remedy: "give finite numbers")
    }
    return Tensor(tensor.shape, .f64(tensor.doubles))
  }

  /// The wanted columns, numbers all; a first line of numbers is one of them and no names.
  private static func rows(
    of table: CSVTable, _ wanted: [String]?
  ) throws(FileError) -> (names: [String], rows: [[Double]]) {
    let first = table.header.map { Double($0) }
    let hasNames = first.contains(nil)
    let places = try (wanted ?? table.header).map { name throws(FileError) -> Int in
      guard let place = table.header.firstIndex(of: name) else {
        throw FileError(
          path: table.path, problem: "no column is called \(name.quotedForMessage)",
          remedy: "the columns are \(table.header.prefix(20).joined(separator: ", "))")
      }
      return place
    }
    var rows: [[Double]] = hasNames ? [] : [places.map { first[$0] ?? 0 }]
    rows.reserveCapacity(table.rows.count + 1)
    for (row, cells) in table.rows.enumerated() {
      rows.append(
        try places.map { place throws(FileError) -> Double in
          guard let number = Double(cells[place]), number.isFinite else {
            throw table.failure(
              row: row, column: place, "\(cells[place].quotedForMessage) is no finite number",
              "give numbers, or name the columns that are channels")
          }
          return number
        })
    }
    guard rows.count >= 2 else {
      throw FileError(
        path: table.path, problem: "it has \(rows.count) samples", remedy: "give two or more")
    }
    return (hasNames ? places.map { table.header[$0] } : [], rows)
  }

  /// How many channels there are if either axis is time, the likelier first.
  var channelCounts: [Int] {
    guard extents.count == 2 else { return [1] }
    if columns != nil { return [extents[1]] }
    return extents[0] <= extents[1] ? extents : extents.reversed()
  }

  /// The samples of each channel.
  ///
  /// - Parameter channels: one of ``channelCounts``.
  func samples(channels: Int) -> [[Double]] {
    guard extents.count == 2 else { return [numbers] }
    let (rows, width) = (extents[0], extents[1])
    if columns == nil, rows == channels, channelCounts.first == rows || width != channels {
      return (0..<rows).map { Array(numbers[$0 * width..<($0 + 1) * width]) }
    }
    return (0..<width).map { column in (0..<rows).map { numbers[$0 * width + column] } }
  }

  /// The least and the greatest number.
  var range: ClosedRange<Double> {
    let (low, high) = (numbers.min() ?? 0, numbers.max() ?? 0)
    return low...(high > low ? high : low + max(abs(low), 1))
  }
}
