import Clients
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// Images or rows with their classes, split into a part to train on and one held out.
package struct LabelledExamples: Sendable {
  package struct Example: Sendable {
    /// [C, H, W] of values in 0...1; of a row [1, 1, D] as the model reads it.
    package let image: [Double]
    package let label: Int
  }

  package let training: [Example]
  package let heldOut: [Example]
  /// Name of each class.
  package let classes: [String]
  /// What they are, for people.
  package let description: String
  /// What they are, for defences.
  package let kind: DataKindName

  /// Crops of the bundled photographs: the class is the photograph. Training and held-out crops are
  /// drawn alike, and may overlap in the photograph.
  ///
  /// - Parameters:
  ///   - inputShape: [C, H, W], of at most 32 pixels a side.
  ///   - trainingCount: crops of each photograph to train on; a quarter as many are held out.
  package init(photographs inputShape: Shape, trainingCount: Int, seed: UInt64) {
    let pictures = BundledImages.all(size: 64)
    let source = RandomSource(seed: seed).derive(label: "crops")
    var stream = source
    let heldOutCount = max(trainingCount / 4, 1)
    func crops(_ count: Int) -> [Example] {
      (0..<count).flatMap { _ in
        pictures.enumerated().map { label, picture in
          Example(
            image: LabelledExamples.crop(picture.image, inputShape, using: &stream), label: label)
        }
      }
    }
    kind = .pictures
    training = crops(trainingCount)
    heldOut = crops(heldOutCount)
    classes = pictures.map(\.name)
    description =
      "\(training.count) crops of \(classes.count) bundled photographs, \(heldOut.count) held out; "
      + "the class is the photograph"
  }

  /// A folder with a folder of PNG or JPEG pictures for each class; every fifth picture is held out.
  ///
  /// - Throws: ``FileError`` when there are fewer than two classes, a class has fewer than two pictures,
  ///   or a picture cannot be read.
  package init(folder path: String, inputShape: Shape) throws(FileError) {
    var training: [Example] = []
    var heldOut: [Example] = []
    let folders = LabelledExamples.names(in: path)?.filter { name in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isFolder)
        && isFolder.boolValue && !name.hasPrefix(".")
    }
    guard let folders, folders.count >= 2 else {
      throw FileError(
        path: path, problem: "this is no folder with a folder of pictures for each of two classes",
        remedy: "sort the pictures into such folders")
    }
    for (label, name) in folders.enumerated() {
      let folder = path + "/" + name
      let pictures = (LabelledExamples.names(in: folder) ?? []).filter { name in
        [".png", ".jpg", ".jpeg"].contains(where: name.lowercased().hasSuffix)
      }
      guard pictures.count >= 2 else {
        throw FileError(
          path: folder, problem: "a class needs two PNG or JPEG pictures and has \(pictures.count)",
          remedy: "add some")
      }
      for (index, picture) in pictures.enumerated() {
        let example = PrivateExample(
          name: picture, picture: try Image(contentsOf: folder + "/" + picture), label: label,
          inputShape: inputShape)
        let labelled = Example(image: example.image.doubles, label: label)
        if index % 5 == 1 { heldOut.append(labelled) } else { training.append(labelled) }
      }
    }
    kind = .pictures
    self.training = training
    self.heldOut = heldOut
    classes = folders
    description =
      "\(training.count) pictures of \(folders.count) classes, \(heldOut.count) held out"
  }

  /// Rows of a table at most.
  private static let rowLimit = 20_000

  /// The rows of a table that have a label, drawn in an order of their own; every fifth is held out.
  ///
  /// - Throws: ``ExperimentError`` when the label is a number, or there are too few rows.
  package init(_ table: LoadedTable, seed: UInt64) throws(ExperimentError) {
    guard let label = table.schema.labelColumn?.column, let values = label.kind.values else {
      throw ExperimentError(
        "data.table.label", "is a column of numbers, and accuracy is of classes; give one of words")
    }
    let rows = table.labelledRows
    let examples = RandomSource(seed: seed).derive(label: "held out").permuted(rows.count)
      .prefix(LabelledExamples.rowLimit).compactMap { place -> Example? in
        let row = table.rows[rows[place] - 1]
        guard case .word(let label) = row.last else { return nil }
        return Example(image: table.encoding.inputs(row.dropLast()), label: label)
      }
    guard examples.count >= 10 else {
      throw ExperimentError(
        "data.table", "has \(examples.count) rows with a label; training takes 10 at least")
    }
    kind = .rows
    training = examples.indices.filter { $0 % 5 != 1 }.map { examples[$0] }
    heldOut = examples.indices.filter { $0 % 5 == 1 }.map { examples[$0] }
    classes = values
    description =
      "\(training.count) rows of \(table.path.withoutFolders), \(heldOut.count) held out; the class is "
      + label.name.quotedForMessage
  }

  /// The share of held-out examples that are of the class most frequent in training: what knowing nothing of an example
  /// gets.
  package var guessedAccuracy: Double {
    let counts = Dictionary(grouping: training, by: \.label).mapValues(\.count)
    let most = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    return Double(heldOut.count { $0.label == most }) / Double(max(heldOut.count, 1))
  }

  private static func names(in folder: String) -> [String]? {
    (try? FileManager.default.contentsOfDirectory(atPath: folder))?.sorted()
  }

  /// A square of the photograph, of half to all of the input's side more, resized, perhaps mirrored.
  private static func crop(
    _ picture: Image, _ inputShape: Shape, using source: inout RandomSource
  ) -> [Double] {
    let side = 24 + source.integer(below: picture.width - 24 + 1)
    let (left, top) = (
      source.integer(below: picture.width - side + 1),
      source.integer(below: picture.height - side + 1)
    )
    let isMirrored = source.integer(below: 2) == 1
    var pixels: [UInt8] = []
    for row in 0..<side {
      for column in 0..<side {
        let x = left + (isMirrored ? side - 1 - column : column)
        let start = 3 * ((top + row) * picture.width + x)
        pixels += picture.pixels[start..<start + 3]
      }
    }
    return PrivateExample(
      name: "", picture: Image(width: side, height: side, pixels: pixels), label: 0,
      inputShape: inputShape
    ).image.doubles
  }
}
