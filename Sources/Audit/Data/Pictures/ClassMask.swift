import Clients
import ModelIO
import Solvers
import TensorGraph

/// The label of a segmentation's example: a class for each pixel.
package struct ClassMask: Hashable, Sendable {
  /// In rows.
  package let classes: [Int]
  /// What was done to the file's mask to fit the model; nil for nothing.
  package let note: String?

  /// What a label says in place of a file for a mask that is drawn, before its seed.
  private static let drawn = "random:"

  /// The label of a mask that ``init(_:positions:classCount:)`` draws.
  package static func drawnLabel(seed: UInt64) -> ExampleLabel {
    ExampleLabel(drawn + String(seed))
  }

  /// Reads the mask that a label names: a PNG file of class numbers, an array [H, W] of integers (`.npy`, `.pt`,
  /// `.safetensors`), or `random:SEED`.
  ///
  /// - Parameters:
  ///   - positions: [H, W] of the model's logits; a PNG mask is cropped and scaled to it as its picture is.
  ///   - classCount: of the model.
  /// - Throws: ``ExperimentError`` or `FileError` when there is no such mask, or it has classes that the model lacks.
  package init(_ label: ExampleLabel, positions: Shape, classCount: Int) throws {
    let text = label.text
    if text.hasPrefix(ClassMask.drawn) {
      guard let seed = UInt64(text.dropFirst(ClassMask.drawn.count)) else {
        throw ExperimentError(
          "data.labels", "has \(text.quotedForMessage); give a number after \"random:\"")
      }
      self.init(drawing: seed, positions, classCount)
      return
    }
    guard Int(text) == nil, text != "none" else {
      throw ExperimentError(
        "data.labels",
        "has \(text.quotedForMessage), and the model labels each of \(positions[0])x\(positions[1]) pixels; "
          + "give a mask for each picture: a PNG file of class numbers, or an array of integers")
    }
    var notes: [String] = []
    var classes: [Int]
    if TensorFile.isThere(text) {
      classes = try ClassMask.array(text, positions)
    } else {
      let picture = try ClassPicture(contentsOf: text)
      classes = picture.fitted(width: positions[1], height: positions[0]).classes
      if picture.width != positions[1] || picture.height != positions[0] {
        notes.append("mask resized from \(picture.width)x\(picture.height)")
      }
    }
    if classCount == 2, Set(classes) == [0, 255] {
      classes = classes.map { $0 == 255 ? 1 : 0 }
      notes.append("255 of the mask taken for class 1")
    }
    if let place = classes.firstIndex(where: { !(0..<classCount).contains($0) }) {
      let isIgnored = [255, -1, -100].contains(classes[place])
      throw FileError(
        path: text,
        problem: "the mask has class \(classes[place]) at row \(place / positions[1] + 1), column "
          + "\(place % positions[1] + 1), and the model has \(classCount) classes, from 0",
        remedy: isIgnored
          ? "pixels that the loss leaves out (ignore_index) are not supported; give each a class"
          : "give a mask of the model's classes")
    }
    self.init(classes: classes, note: notes.joinedOrNil)
  }

  private init(classes: [Int], note: String?) {
    (self.classes, self.note) = (classes, note)
  }

  private static func array(_ path: String, _ positions: Shape) throws(FileError) -> [Int] {
    let file = try TensorFile(contentsOf: path)
    let fitting = file.shapes.filter {
      $0.shape.dimensions.filter { $0 != 1 } == positions.dimensions.filter { $0 != 1 }
    }
    guard let first = fitting.first, fitting.count == 1 else {
      throw FileError(
        path: path,
        problem:
          "\(fitting.count) of its \(file.names.count) arrays have the shape \(positions) of the "
          + "model's logits", remedy: "give one array of class numbers")
    }
    let values = try file.tensor(named: first.name).doubles
    guard values.allSatisfy({ $0 == $0.rounded() && abs($0) < 0x1p31 }) else {
      throw FileError(
        path: path, problem: "the mask has numbers that are no classes", remedy: "give integers")
    }
    return values.map(Int.init)
  }

  /// A few regions, each the pixels nearest to one of some random points: a cell takes a class at random.
  private init(drawing seed: UInt64, _ positions: Shape, _ classCount: Int) {
    var source = RandomSource(seed: seed).derive(label: "mask")
    let (height, width) = (positions[0], positions[1])
    let cells = (0..<max(2 * classCount, 6)).map { index in
      (
        row: source.integer(below: height), column: source.integer(below: width),
        // Each class is there if it can be.
        label: index < classCount ? index : source.integer(below: classCount)
      )
    }
    let classes = (0..<height * width).map { place in
      let (row, column) = (place / width, place % width)
      func distance(_ index: Int) -> Int {
        let (down, right) = (cells[index].row - row, cells[index].column - column)
        return down * down + right * right
      }
      return cells[cells.indices.min { distance($0) < distance($1) } ?? 0].label
    }
    self.init(classes: classes, note: nil)
  }
}

extension ClientLoss {
  /// The labels of each example, and the loss with what they stand for where they are no classes.
  ///
  /// - Throws: as ``labels(_:classCount:)`` and ``ClassMask/init(_:positions:classCount:)``.
  package func labels(
    _ entries: [ExampleLabel], of model: Model
  ) throws -> (labels: [(classes: [Int], note: String?)], loss: ClientLoss) {
    guard model.labelPositions.rank > 0 else {
      let read = try labels(entries, classCount: model.classCount)
      return (read.labels.map { ([$0], nil) }, read.loss)
    }
    let count = labelCount(classCount: model.classCount)
    return (
      try entries.map {
        let mask = try ClassMask($0, positions: model.labelPositions, classCount: count)
        return (mask.classes, mask.note)
      }, self
    )
  }
}

extension ExampleLabel {
  /// A label at random: a class, or a mask of them where the model labels positions.
  package static func random(
    below classCount: Int, masks: Bool, using source: inout RandomSource
  ) -> ExampleLabel {
    masks
      ? ClassMask.drawnLabel(seed: UInt64(source.integer(below: 1 << 20)))
      : ExampleLabel(String(source.integer(below: classCount)))
  }
}
