import Foundation
import ModelIO
import TensorGraph

/// The private data of a sweep: a folder's pictures, the bundled photographs, or texts.
package struct SweepExamples: Sendable {
  /// One example, and what experiments call it.
  struct Example: Sendable {
    let name: String
    let path: String
    /// Of a picture's pixels; nil for a text, which is its own.
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
  }

  private let source: Source
  /// Pictures of a folder at most: all are held.
  private static let limit = 20_000

  /// The bundled photographs.
  package init() {
    source = .bundled
  }

  package init(texts: [String]) {
    source = .texts(texts)
  }

  /// What the data of a plan are.
  ///
  /// - Throws: ``FileError`` when they cannot be read.
  package init(of plan: SweepPlan) throws(FileError) {
    if let file = plan.textFile {
      self.init(texts: try TextFile.lines(of: file))
    } else if let folder = plan.imageFolder {
      try self.init(folder: folder)
    } else {
      self.init()
    }
  }

  package var kind: DataKindDescriptor {
    if case .texts = source { return DataKinds.descriptor(.texts) }
    return DataKinds.descriptor(.pictures)
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
    }
  }

  /// The examples for a model with inputs of this height.
  func all(size: Int) -> [Example] {
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
