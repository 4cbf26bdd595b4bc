import ModelIO
import TensorGraph

/// The signals of results as files again: comma-separated values with the names of examples and channels, and an array [C, L] of
/// each example.
struct RecoveredSignals {
  /// Beside the records.
  static let file = "recovered-signals.csv"

  /// One line for each sample of each example.
  let csv: String
  /// Names of files and what stands in them.
  let arrays: [(name: String, bytes: [UInt8])]

  /// Nil where there are no signals.
  init?(_ records: [RunRecord]) {
    let hasSeeds = Set(records.map(\.configuration.seed)).count > 1
    var lines: [[String]] = []
    var arrays: [(name: String, bytes: [UInt8])] = []
    let signals = records.flatMap { record in
      record.examples.compactMap { example in
        example.signal.map { (record.configuration.seed, example.name, $0) }
      }
    }
    let width = signals.map { $0.2.recovered.count }.max() ?? 0
    guard width > 0 else { return nil }
    for (seed, name, signal) in signals {
      let rows = signal.recovered.map { $0.map(\.value) }
      let length = rows.first?.count ?? 0
      for time in 0..<length {
        lines.append(
          [name, "\(seed)", "\(time)"]
            + (0..<width).map { $0 < rows.count ? "\(rows[$0][time])" : "" })
      }
      arrays.append(
        (
          "\(name)\(hasSeeds ? "-seed\(seed)" : "")-reconstruction.npy",
          NPYFile.bytes(Tensor([rows.count, length], .f64(rows.flatMap(\.self))))
        ))
    }
    let names = signals.first?.2.channels ?? []
    let header = (0..<width).map { $0 < names.count ? names[$0] : "channel \($0 + 1)" }
    csv = CSVTable.text(header: ["example", "seed", "sample"] + header, rows: lines)
    self.arrays = arrays
  }
}
