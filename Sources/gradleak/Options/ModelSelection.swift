import ArgumentParser
import Audit
import Clients
import Foundation
import ModelIO
import TensorGraph

extension ForwardMode: ExpressibleByArgument {
  /// For the help of options.
  public static let allValueDescriptions = HelpLevel.described([
    "evaluation": "batch normalisation by running statistics",
    "training": "batch normalisation by the batch's own",
  ])
}

/// Which model the client trains, and with which weights.
struct ModelSelection: ParsableArguments {
  @Option(
    name: .customLong("model"),
    help: ArgumentHelp(
      "A name (see 'gradleak models') or an ONNX file. (default: lenet; of inspect: none)",
      valueName: "name or file"), completion: .modelsAndFiles)
  var chosenModel: String?

  @Option(
    help: ArgumentHelp(
      "Activation instead of the model's own.", valueName: "name", visibility: .rare))
  var activation: Activation?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Number of classes instead of the model's own.", valueName: "n", visibility: .rare))
  var classes: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Channels or features of the first layer instead of the model's own.", valueName: "n",
      visibility: .rare))
  var width: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Height and width of the input.", valueName: "pixels"))
  var size: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Number of repeated layers, where that is a choice.", valueName: "n", visibility: .rare))
  var depth: Int?

  @Option(
    help: ArgumentHelp("Pooling, where that is a choice.", valueName: "name", visibility: .rare))
  var pooling: Pooling?

  @Option(
    help: ArgumentHelp(
      "Channels, height and width of one image, such as 3x224x224.", valueName: "shape",
      visibility: .rare))
  var inputShape: String?

  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp(
      "An open extent of an ONNX model by its name; may be repeated.", valueName: "name=extent",
      visibility: .rare))
  var dimensions: [String] = []

  @Option(
    name: .customLong("output"),
    help: ArgumentHelp(
      "The output of an ONNX model that holds the logits; by default the one that the most parameters "
        + "reach.", valueName: "name", visibility: .rare))
  var outputName: String?

  @Option(
    help: ArgumentHelp(
      "The model's weights, such as a saved state_dict.",
      valueName: "file"), completion: .tensors)
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "Tells which tensor of --weights or --update is which of the model, by name or by beginning; "
        + "may be repeated.", valueName: "old=new", visibility: .rare))
  var rename: [String] = []

  @Option(
    help: ArgumentHelp("How the client's model computed.", valueName: "name", visibility: .rare))
  var mode: ForwardMode = .evaluation

  @Option(
    help: ArgumentHelp(
      "What the client subtracts from pixels in 0...1, for each channel or for all.",
      valueName: "numbers", visibility: .rare))
  var mean: String?

  @Option(
    help: ArgumentHelp(
      "What the client then divides them by, for each channel or for all.", valueName: "numbers",
      visibility: .rare))
  var std: String?

  /// The name or file of ``chosenModel``, or the default.
  var model: String {
    get { chosenModel ?? ModelChoice().name }
    set { chosenModel = newValue }
  }

  func validate() throws {
    if chosenModel != nil { try naming { try choice().check() } }
  }

  /// Whether the model is a file rather than a name.
  var isFile: Bool { ModelChoice(name: model).isFile }

  /// The chosen model; says what the user should know of it.
  ///
  /// - Parameters: as of ``ModelChoice/select(mode:batchSizes:for:)``.
  /// - Throws: as that.
  func select(batchSizes: Set<Int> = [1], for use: ModelUse = .attack) throws -> SelectedModel {
    let selected = try naming {
      try choice().select(mode: mode, batchSizes: batchSizes, for: use)
    }
    for note in selected.notes { Notes.remark(note) }
    return selected
  }

  /// What the options say.
  ///
  /// - Parameter name: of the model, in place of `--model`.
  /// - Throws: ``ValidationError`` for a text that cannot be read.
  func choice(of name: String? = nil) throws -> ModelChoice {
    var choice = ModelChoice(name: name ?? model)
    choice.activation = activation
    choice.classes = classes
    choice.width = width
    choice.depth = depth
    choice.pooling = pooling
    choice.size = size
    choice.inputShape = try inputShape.map { text in
      try text.split(omittingEmptySubsequences: false) { "x,×".contains($0) }.map { part in
        guard let extent = Int(part.trimmingCharacters(in: .whitespaces)) else {
          throw ValidationError(
            "--input-shape is \(text.quotedForMessage); give channels, height and width, such as 3x32x32."
          )
        }
        return extent
      }
    }
    choice.extents = dimensions.isEmpty ? nil : try openExtents()
    choice.output = outputName
    choice.weights = weights
    choice.renamings = rename.isEmpty ? nil : rename
    choice.mean = try mean.map { try numbers($0, of: "--mean") }
    choice.deviation = try std.map { try numbers($0, of: "--std") }
    return choice
  }

  /// The extents of --shape by name.
  private func openExtents() throws -> [String: Int] {
    var extents: [String: Int] = [:]
    for text in dimensions {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let extent = Int(parts[1]), (1...1_000_000).contains(extent) else {
        throw ValidationError(
          "--shape is \(text.quotedForMessage); write NAME=EXTENT, such as height=224.")
      }
      extents[String(parts[0])] = extent
    }
    return extents
  }
}
