import Foundation
import ModelIO
import TensorGraph

/// The private data of a sweep: a folder's pictures, the bundled photographs, texts, or rows of a table.
package struct SweepExamples: Sendable {
  /// One example, and what experiments call it.
  struct Example: Sendable {
    let name: String
    let path: String
    /// Of a picture's pixels; nil for a text, which is its own, and for a row, whose table has one.
    let fingerprint: String?
  }

  private struct Picture: Sendable {
    let name: String
    let path: String
    let image: Image
  }

  private enum Source: Sendable {
    case bundled
    case folder([Picture])
    case texts([String])
    case rows(LoadedTable, TableChoice)
  }

  private let source: Source
  /// Pictures of a folder at most: all are held.
  private static let limit = 20_000

  /// The bundled photographs.
  package init() {
    source = .bundled
  }

  private init(source: Source) {
    self.source = source
  }

  package init(texts: [String]) {
    source = .texts(texts)
  }

  /// What the data of a plan are.
  ///
  /// - Throws: ``FileError`` when they cannot be read, ``ExperimentError`` when a table's columns are not said.
  package init(of plan: SweepPlan) throws {
    if let table = plan.table {
      self.init(source: .rows(try LoadedTable(table), table))
    } else if let file = plan.textFile {
      self.init(texts: try TextFile.lines(of: file))
    } else if let folder = plan.imageFolder {
      try self.init(folder: folder)
    } else {
      self.init()
    }
  }

  package var kind: DataKindDescriptor {
    switch source {
    case .bundled, .folder: DataKinds.descriptor(.pictures)
    case .texts: DataKinds.descriptor(.texts)
    case .rows: DataKinds.descriptor(.rows)
    }
  }

  /// Of the table's cells; nil of other data.
  var tableFingerprint: String? {
    if case .rows(let table, _) = source { table.fingerprint } else { nil }
  }

  /// No examples yet, of this kind and table.
  var data: ExperimentData {
    var data = ExperimentData(kind.name)
    if case .rows(_, let choice) = source { data.table = choice }
    return data
  }

  /// Updates of rows where a plan does not say how many: so many that none of them leaking is told from some.
  private static let usualUpdates = LeakageGrade.unitsForA

  /// How many batches a seed has.
  ///
  /// - Parameter limit: of the plan; nil for none.
  func batchCount(limit: Int?) -> Int {
    if case .rows = source { return limit ?? SweepExamples.usualUpdates }
    return min(count, limit ?? count)
  }

  /// The batches of a seed: of pictures and texts each begins one and those behind it fill it; of rows no two share one.
  ///
  /// - Parameters:
  ///   - limit: of batches; nil for none.
  ///   - imageSize: height of the model's input.
  /// - Throws: ``ExperimentError`` when there are too few rows.
  func batches(
    of size: Int, limit: Int?, imageSize: Int, seed: UInt64
  ) throws(ExperimentError) -> [[Example]] {
    guard case .rows(let table, let choice) = source else {
      let all = all(size: imageSize)
      return (0..<batchCount(limit: limit)).map { first in
        (0..<size).map { all[(first + $0) % all.count] }
      }
    }
    let rows = try table.drawnRows(
      batchSize: size, updates: batchCount(limit: limit), isOfEach: limit != nil,
      by: choice.clients, seed: seed
    ).map { Example(name: "row-\($0)", path: String($0), fingerprint: nil) }
    return stride(from: 0, to: rows.count, by: size).map { Array(rows[$0..<$0 + size]) }
  }

  /// Reads every PNG and JPEG picture of a folder, in the order of their names.
  ///
  /// - Throws: ``FileError`` when there is no such folder, no picture in it, or one that is damaged.
  package init(folder path: String) throws(FileError) {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw FileError(
        path: path, problem: "this folder of images cannot be read",
        remedy: "give a folder with PNG or JPEG pictures")
    }
    let pictures = names.filter { name in
      let name = name.lowercased()
      return [".png", ".jpg", ".jpeg"].contains(where: name.hasSuffix) && !name.hasPrefix(".")
    }
    guard pictures.count <= SweepExamples.limit else {
      throw FileError(
        path: path,
        problem: "there are \(pictures.count) pictures in this folder, more than the "
          + "\(SweepExamples.limit) allowed",
        remedy: "give a folder with fewer")
    }
    guard !pictures.isEmpty else {
      throw FileError(
        path: path, problem: "there are no PNG or JPEG pictures in this folder",
        remedy: "give a folder with some")
    }
    var read: [Picture] = []
    for name in pictures.sorted() {
      let file = path.hasSuffix("/") ? path + name : path + "/" + name
      read.append(Picture(name: name, path: file, image: try Image(contentsOf: file)))
    }
    source = .folder(read)
  }

  var count: Int {
    switch source {
    case .bundled: BundledImages.names.count
    case .folder(let pictures): pictures.count
    case .texts(let texts): texts.count
    case .rows(let table, _): table.labelledRows.count
    }
  }

  /// The examples for a model with inputs of this height.
  private func all(size: Int) -> [Example] {
    if case .texts(let texts) = source {
      return texts.enumerated().map { index, text in
        Example(name: "text-\(index + 1)", path: text, fingerprint: nil)
      }
    }
    return pictures(size: size).map {
      Example(name: $0.name, path: $0.path, fingerprint: $0.image.fingerprint)
    }
  }

  private func pictures(size: Int) -> [Picture] {
    if case .folder(let pictures) = source { return pictures }
    return BundledImages.all(size: BundledImages.size(forHeight: size)).map {
      Picture(name: $0.name, path: $0.name, image: $0.image)
    }
  }

  /// An experiment on some of them, ready to be run by a runner of its model.
  func prepare(
    _ experiment: Experiment, by runner: any ExperimentRunner
  ) throws -> any PreparedExperiment {
    guard let runner = runner as? PictureRunner else {
      return try runner.prepare(try runner.labelled(experiment), names: nil)
    }
    let shape = runner.selected.model.inputShape
    let all = pictures(size: shape[1])
    let chosen = experiment.data.pictures.compactMap { path in all.first { $0.path == path } }
    return try runner.prepare(
      experiment,
      pictures: chosen.map {
        PrivateExample(name: $0.name, picture: $0.image, label: nil, inputShape: shape)
      })
  }
}

extension Image {
  /// Of the pixels.
  fileprivate var fingerprint: String {
    Fingerprint.of([("picture", Tensor([height, width, 3], .i32, pixels.map(Double.init)))])
  }
}
