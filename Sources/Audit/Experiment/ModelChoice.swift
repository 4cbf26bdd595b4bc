import Clients
import Foundation
import ModelIO
import TensorGraph

/// Which model a client trains, and with which weights.
public struct ModelChoice: Codable, Hashable, Sendable {
  /// A built-in model, or the path of an ONNX file; of language models also a folder as `transformers` saves it.
  public var name: String
  /// Differences from the built-in model's defaults.
  public var activation: Activation?
  /// Of the last layer; nil for the model's own number.
  public var classes: Int?
  /// Channels or features of the first layer; nil likewise.
  public var width: Int?
  /// Layers or blocks; nil likewise.
  public var depth: Int?
  /// How feature maps are made smaller; nil likewise.
  public var pooling: Pooling?
  /// Height and width of the input, in pixels.
  public var size: Int?
  /// [channels, height, width] of one input; instead of ``size``.
  public var inputShape: [Int]?
  /// Open extents of an ONNX model by their names.
  public var extents: [String: Int]?
  /// The output of an ONNX model that holds the logits.
  public var output: String?
  /// A file of tensors with the model's weights; nil for those of its own file, or drawn from the seed.
  public var weights: String?
  /// Rules OLD=NEW for names of tensors in ``weights`` and updates.
  public var renamings: [String]?
  /// What the client subtracts from pixels in 0...1 and divides them by, for each channel or for all.
  public var mean: [Double]?
  /// Standard deviations; see ``mean``.
  public var deviation: [Double]?

  /// What a language model ends in, instead of what its folder says: "classification", "mlm" or "lm".
  public var head: String?
  /// The folder with the tokenizer of an ONNX language model.
  public var tokenizer: String?
  /// The folder with the adapters that a client of a language model got, as PEFT saves them.
  public var adapter: String?

  /// A model with its defaults; the usual one of pictures where none is named.
  public init(name: String = DataKinds.descriptor(.pictures).usualModel) {
    self.name = name
  }

  /// Whether the model is a file rather than a name.
  public var isFile: Bool { name.lowercased().hasSuffix(".onnx") || name.contains("/") }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case name, activation, classes, width, depth, pooling, size, inputShape, extents, output,
      weights, renamings, mean, deviation, head, tokenizer, adapter
  }

  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    try self.init(from: decoder, of: .pictures)
  }

  /// Reads what is said of a model, the usual one of such data where it is not named.
  init(from decoder: any Decoder, of kind: DataKindName) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    name = try container.value(.name, or: DataKinds.descriptor(kind).usualModel)
    activation = try container.choice(.activation)
    classes = try container.value(.classes)
    width = try container.value(.width)
    depth = try container.value(.depth)
    pooling = try container.choice(.pooling)
    size = try container.value(.size)
    inputShape = try container.value(.inputShape)
    extents = try container.value(.extents)
    output = try container.value(.output)
    weights = try container.value(.weights)
    renamings = try container.value(.renamings)
    mean = try container.value(.mean)
    deviation = try container.value(.deviation)
    head = try container.value(.head)
    tokenizer = try container.value(.tokenizer)
    adapter = try container.value(.adapter)
  }

  /// - Throws: ``ExperimentError`` when members do not go together or numbers are out of range.
  public func check() throws(ExperimentError) {
    for (place, isGiven) in [
      ("model.head", head != nil), ("model.tokenizer", tokenizer != nil),
      ("model.adapter", adapter != nil),
    ] where isGiven {
      throw ExperimentError(place, "is for language models; leave it out, or give texts")
    }
    if isFile {
      for (place, isGiven) in [
        ("model.activation", activation != nil), ("model.classes", classes != nil),
        ("model.width", width != nil), ("model.depth", depth != nil),
        ("model.pooling", pooling != nil),
      ] where isGiven {
        throw ExperimentError(
          place,
          "is for the built-in models, and \(name.quotedForMessage) is a file; leave it out")
      }
    } else if output != nil {
      throw ExperimentError(
        "model.output", "is for ONNX models, and named models have one; leave it out")
    } else if extents != nil {
      throw ExperimentError(
        "model.extents", "is for ONNX models; give the shape of the input instead")
    }
    if size != nil, inputShape != nil {
      throw ExperimentError("model.size", "and the input's shape say the same; give one of them")
    }
    if let size, !(1...8192).contains(size) {
      throw ExperimentError("model.size", "is \(size); give a number of pixels from 1 to 8192")
    }
    if let inputShape, inputShape.count != 3 || !inputShape.allSatisfy((1...8192).contains) {
      throw ExperimentError(
        "model.inputShape",
        "is \(inputShape.map(String.init).joined(separator: "x")); give channels, height and width, such as "
          + "3x32x32")
    }
    if let wrong = extents?.first(where: { !(1...1_000_000).contains($0.value) }) {
      throw ExperimentError(
        "model.extents", "has \(wrong.key.quotedForMessage) of \(wrong.value); give 1 to 1000000")
    }
  }

  /// The rules for names of tensors.
  ///
  /// - Throws: `ModelError` for one that is none.
  public func tensorRenamings() throws(ModelError) -> [TensorRenaming] {
    try (renamings ?? []).map { text throws(ModelError) in try TensorRenaming(parsing: text) }
  }
}
