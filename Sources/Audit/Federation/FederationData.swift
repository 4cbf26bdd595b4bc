import Clients
import Federation
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// What the workers of a federation train on, and what their model is measured by.
package struct FederationData: Codable, Hashable, Sendable {
  /// Where the examples come from.
  ///
  /// As text: `fashion-mnist`, `photographs`, `texts`, a folder, or a file of texts.
  package enum Source: Codable, Hashable, Sendable {
    /// Zalando's Fashion-MNIST in this folder: 60,000 pictures to train on and 10,000 held out, in 10 classes.
    case fashionMNIST(folder: String)
    /// Windows of the bundled photographs; a window's class is its photograph.
    case photographs
    /// A folder with a folder of PNG or JPEG files for each class.
    case folder(String)
    /// Private texts.
    case texts(TextSource)

    /// What a text means; nil for one that is neither a word nor a folder or file.
    package init?(_ text: String) {
      switch text {
      case "fashion-mnist": self = .fashionMNIST(folder: FederationData.fashionFolder)
      case "photographs": self = .photographs
      case "texts": self = .texts(.bundled)
      default:
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: text, isDirectory: &isFolder) else {
          return nil
        }
        guard isFolder.boolValue else {
          self = .texts(.file(text))
          return
        }
        guard FederationData.textFiles(in: text).isEmpty else {
          self = .texts(.folder(text))
          return
        }
        self =
          InputFile.exists(text + "/train-images-idx3-ubyte.gz")
          ? .fashionMNIST(folder: text) : .folder(text)
      }
    }

    private var text: String {
      switch self {
      case .fashionMNIST(let folder):
        folder == FederationData.fashionFolder ? "fashion-mnist" : folder
      case .photographs: "photographs"
      case .folder(let path), .texts(.file(let path)), .texts(.folder(let path)): path
      case .texts(.bundled): "texts"
      }
    }

    /// Reads it from a file.
    package init(from decoder: any Decoder) throws {
      let text = try decoder.singleValueContainer().decode(String.self)
      guard let source = Source(text) else {
        throw FederationError(
          "the data \(text.quotedForMessage) are not on this machine; give the worker data of its own",
          .badInput)
      }
      self = source
    }

    /// Writes it into a file.
    package func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(text)
    }
  }

  /// Where the examples come from.
  package var source: Source
  /// Examples of all workers together; nil for all that there are.
  package var count: Int?
  /// How they are shared out.
  package var shards = PictureSource.Shards.equal
  /// Examples that no worker trains on, at most.
  package var heldOut = 1000

  /// - Parameter source: where the examples come from.
  package init(_ source: Source) {
    self.source = source
  }

  /// Where Debian's package `dataset-fashion-mnist` puts it.
  package static let fashionFolder = "/usr/share/datasets/fashion-mnist"

  /// Fashion-MNIST where it is installed, and the bundled photographs where it is not.
  package static var usual: FederationData {
    FederationData(
      InputFile.exists(fashionFolder + "/train-images-idx3-ubyte.gz")
        ? .fashionMNIST(folder: fashionFolder) : .photographs)
  }

  /// What its examples are.
  package var kind: DataKindName {
    if case .texts = source { .texts } else { .pictures }
  }

  /// For people.
  package var description: String {
    switch source {
    case .fashionMNIST: "Fashion-MNIST"
    case .photographs: "windows of the bundled photographs"
    case .folder(let path), .texts(.file(let path)), .texts(.folder(let path)): fileName(path)
    case .texts(.bundled): "the bundled texts"
    }
  }

  /// Shape of its pictures and number of its classes, where a model is made for them; nil where pictures are made to
  /// fit the model.
  package var usualModel: (inputShape: [Int]?, classes: Int)? {
    switch source {
    case .fashionMNIST: ([1, 28, 28], 10)
    case .photographs: (nil, BundledImages.names.count)
    case .folder(let path): (nil, (try? FederationData.classes(of: path).count) ?? 2)
    case .texts(let source): (nil, (try? FederationData.classCount(of: source)) ?? 2)
    }
  }

  /// Reads pictures.
  ///
  /// - Parameters:
  ///   - inputShape: [C, H, W] that the model takes.
  ///   - seed: of what is chosen.
  /// - Throws: `FileError` when they cannot be read, ``FederationError`` when there are too few.
  package func read(
    inputShape: Shape, classCount: Int, workers: Int, seed: UInt64
  ) throws -> (training: PictureSource, heldOut: TrainingSet) {
    let all: (training: PictureSource, heldOut: PictureSource)
    switch source {
    case .fashionMNIST(let folder):
      all = (
        try fashion(folder, "train", inputShape, limit: 60_000),
        try fashion(folder, "t10k", inputShape, limit: 10_000)
      )
    case .photographs:
      all = (
        photographs(count ?? 200 * workers, inputShape, seed: seed, "training windows"),
        photographs(heldOut, inputShape, seed: seed, "held-out windows")
      )
    case .folder(let path): all = try pictures(of: path, inputShape, seed: seed)
    case .texts:
      throw FederationError(
        "texts are no pictures; give fashion-mnist, photographs or a folder with a folder of pictures for each class",
        .badInput)
    }
    if let label = all.training.labels.max(), label >= classCount {
      throw FederationError(
        advising:
          "the data has \(label + 1) classes and the model \(classCount); give \(.classes, label + 1)",
        .badInput)
    }
    var source = RandomSource(seed: seed).derive(label: "examples")
    let order = source.permutation(of: all.training.count)
    let chosen = Array(order.prefix(count ?? all.training.count))
    guard chosen.count >= workers else {
      throw FederationError(
        "\(chosen.count) examples do not go round among \(workers) workers; take fewer workers or more examples",
        .badInput)
    }
    return (
      all.training.choosing(chosen), all.heldOut.part(Array(0..<min(heldOut, all.heldOut.count)))
    )
  }

  // MARK: - Sources

  private func fashion(
    _ folder: String, _ name: String, _ inputShape: Shape, limit: Int
  ) throws -> PictureSource {
    let (extents, pixels) = try IDXFile.read(
      "\(folder)/\(name)-images-idx3-ubyte.gz", rank: 3, limit: limit * 28 * 28)
    let (counts, labels) = try IDXFile.read(
      "\(folder)/\(name)-labels-idx1-ubyte.gz", rank: 1, limit: limit)
    guard counts[0] == extents[0], extents[1] > 0, extents[2] > 0 else {
      throw FileError(
        path: folder, problem: "it has \(extents[0]) pictures and \(counts[0]) labels",
        remedy: "install the data set again")
    }
    let own = Shape([1, extents[1], extents[2]])
    let size = own.elementCount
    return PictureSource(shape: inputShape, labels: labels.map(Int.init)) { index in
      let start = pixels.startIndex + index * size
      let picture = pixels[start..<start + size]
      guard own != inputShape else { return picture.map { Float($0) / 255 } }
      return FederationData.fitted(
        Image(width: extents[2], height: extents[1], pixels: picture.flatMap { [$0, $0, $0] }),
        inputShape)
    }
  }

  private func photographs(
    _ count: Int, _ inputShape: Shape, seed: UInt64, _ purpose: String
  ) -> PictureSource {
    var source = RandomSource(seed: seed).derive(label: purpose)
    let windows = BundledImages.windows(count: count, using: &source)
    // Names end in a number: "astronaut_face-12".
    let names = windows.map {
      String($0.name.prefix(upTo: $0.name.lastIndex(of: "-") ?? $0.name.endIndex))
    }
    return PictureSource(
      shape: inputShape, labels: names.map { BundledImages.names.firstIndex(of: $0) ?? 0 }
    ) { FederationData.fitted(windows[$0].image, inputShape) }
  }

  private func pictures(
    of path: String, _ inputShape: Shape, seed: UInt64
  ) throws -> (training: PictureSource, heldOut: PictureSource) {
    var files: [(path: String, label: Int)] = []
    for (label, name) in try FederationData.classes(of: path).enumerated() {
      let folder = path + "/" + name
      let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      files += entries.filter { name in
        [".png", ".jpg", ".jpeg"].contains { name.lowercased().hasSuffix($0) }
      }.sorted().map { (folder + "/" + $0, label) }
    }
    var source = RandomSource(seed: seed).derive(label: "held out")
    let order = source.permutation(of: files.count)
    let heldOut = min(self.heldOut, files.count / 5)
    guard files.count - heldOut >= 1, heldOut >= 1 else {
      throw FileError(
        path: path, problem: "its folders have \(files.count) PNG and JPEG files",
        remedy: "give a folder with a folder of pictures for each class, 5 pictures or more")
    }
    let chosen = order.dropFirst(heldOut).prefix(count ?? files.count)
    func read(_ positions: some Sequence<Int>) throws -> PictureSource {
      let positions = Array(positions)
      let images = try positions.map { try DecodedPicture(contentsOf: files[$0].path).image }
      return PictureSource(shape: inputShape, labels: positions.map { files[$0].label }) {
        FederationData.fitted(images[$0], inputShape)
      }
    }
    return (try read(chosen), try read(order.prefix(heldOut)))
  }

  /// The folders in a folder: its classes, by name.
  private static func classes(of path: String) throws(FileError) -> [String] {
    guard let entries = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw FileError(
        path: path, problem: "there is no such folder",
        remedy: "give a folder with a folder of pictures for each class")
    }
    var isFolder: ObjCBool = false
    let names = entries.sorted().filter {
      !$0.hasPrefix(".")
        && FileManager.default.fileExists(atPath: path + "/" + $0, isDirectory: &isFolder)
        && isFolder.boolValue
    }
    guard names.count >= 2 else {
      throw FileError(
        path: path, problem: "it has \(names.count) folders",
        remedy: "give a folder with a folder of pictures for each of 2 classes or more")
    }
    return names
  }

  /// A picture as the model takes it.
  private static func fitted(_ picture: Image, _ inputShape: Shape) -> [Float] {
    PrivateExample(name: "", picture: picture, label: nil, inputShape: inputShape).image.doubles.map
    {
      Float($0)
    }
  }
}
