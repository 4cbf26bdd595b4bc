import ArgumentParser
import Foundation
import Leakage
import ModelIO
import TensorGraph

extension ForwardMode: ExpressibleByArgument {
  public static let allValueDescriptions = [
    "evaluation": "batch normalisation by running statistics",
    "training": "batch normalisation by the batch's own",
  ]
}

/// Which model the client trains, and with which weights.
struct ModelSelection: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Model: a name (see 'gradleak models') or an ONNX file.", valueName: "name or file"))
  var model = "lenet"

  @Option(help: ArgumentHelp("Activation instead of the model's own.", valueName: "name"))
  var activation: Activation?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Number of classes instead of the model's own.", valueName: "n"))
  var classes: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Channels or features of the first layer instead of the model's own.", valueName: "n"))
  var width: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Height and width of the input.", valueName: "pixels"))
  var size: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Number of repeated layers, where that is a choice.", valueName: "n"))
  var depth: Int?

  @Option(help: ArgumentHelp("Pooling, where that is a choice.", valueName: "name"))
  var pooling: Pooling?

  @Option(
    help: ArgumentHelp(
      "Channels, height and width of one image, such as 3x224x224.", valueName: "shape"))
  var inputShape: String?

  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp(
      "An open extent of an ONNX model by its name; may be repeated.", valueName: "name=extent"))
  var dimensions: [String] = []

  @Option(
    name: .customLong("output"),
    help: ArgumentHelp(
      "The output of an ONNX model that holds the logits; by default the one that the most parameters "
        + "reach.", valueName: "name"))
  var outputName: String?

  @Option(
    help: ArgumentHelp(
      "Weights of a named model: a safetensors file, such as a saved state_dict.",
      valueName: "file"))
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "Tells which tensor of --weights or --update is which of the model, by name or by beginning; "
        + "may be repeated.", valueName: "old=new"))
  var rename: [String] = []

  @Option(help: ArgumentHelp("How the client's model computed.", valueName: "name"))
  var mode: ForwardMode = .evaluation

  @Option(
    help: ArgumentHelp(
      "What the client subtracts from pixels in 0...1, for each channel or for all.",
      valueName: "numbers"))
  var mean: String?

  @Option(
    help: ArgumentHelp(
      "What the client then divides them by, for each channel or for all.", valueName: "numbers"))
  var std: String?

  func validate() throws {
    if isFile {
      for (name, isGiven) in [
        ("--activation", activation != nil), ("--classes", classes != nil),
        ("--width", width != nil), ("--depth", depth != nil), ("--pooling", pooling != nil),
        ("--weights", weights != nil),
      ] where isGiven {
        throw ValidationError(
          "\(name) is for the built-in models, and \(model.quotedForMessage) is a file; leave it out."
        )
      }
    } else if outputName != nil {
      throw ValidationError("--output is for ONNX models, and named models have one; leave it out.")
    } else if !dimensions.isEmpty {
      throw ValidationError("--shape is for ONNX models; use --input-shape or --size.")
    }
    if size != nil, inputShape != nil {
      throw ValidationError("--size and --input-shape say the same; give one of them.")
    }
  }

  /// Whether the model is a file rather than a name.
  var isFile: Bool { model.lowercased().hasSuffix(".onnx") || model.contains("/") }

  /// The rules of --rename.
  func renamings() throws(ModelError) -> [TensorRenaming] {
    try rename.map { text throws(ModelError) in try TensorRenaming(parsing: text) }
  }

  /// The chosen model.
  ///
  /// - Parameters:
  ///   - batchSizes: that it will be run with; a model from a file is made for these.
  ///   - use: what will be done with it.
  ///   - isQuiet: whether the caller says itself what the user should know of it.
  /// - Throws: ``ModelError`` or ``FileError`` when there is no such model, an option does not fit it,
  ///   or it cannot fit into memory.
  func select(
    batchSizes: Set<Int> = [1], for use: Use = .attack, isQuiet: Bool = false
  ) throws -> SelectedModel {
    let selected = isFile ? try selectFile(batchSizes, for: use) : try selectNamed(for: use)
    if !isQuiet { for note in selected.notes { Terminal.printNote(note) } }
    return selected
  }

  private func selectNamed(for use: Use) throws -> SelectedModel {
    let architecture = try ModelCatalog.architecture(named: model)
    let options = ModelOptions(
      inputShape: try imageShape(channels: architecture.defaults.inputShape[0]),
      classCount: classes, activation: activation, width: width, depth: depth,
      pooling: pooling)
    let model = try normalizing(try architecture.model(options))
    try checkMemory(model, for: use)
    let rules = try renamings()
    return SelectedModel(
      model: model, activation: (activation ?? architecture.defaults.activation).rawValue,
      mode: mode,
      given: try weights.map {
        SelectedModel.Given(
          weighted: try WeightedModel(contentsOf: $0, for: model, renamings: rules),
          description: "of \(fileName($0))")
      })
  }

  /// The shape that options ask for; nil when they do not.
  func imageShape(channels: Int?) throws -> Shape? {
    if let size {
      guard (1...8192).contains(size) else {
        throw ModelError("--size is \(size); give a number of pixels from 1 to 8192")
      }
      return channels.map { [$0, size, size] }
    }
    guard let inputShape else { return nil }
    let extents = inputShape.split(omittingEmptySubsequences: false) { "x,×".contains($0) }
      .map { Int($0.trimmingCharacters(in: .whitespaces)) ?? 0 }
    guard extents.count == 3, extents.allSatisfy({ (1...8192).contains($0) }) else {
      throw ModelError(
        "--input-shape is \(inputShape.quotedForMessage); give channels, height and width, such as "
          + "3x32x32")
    }
    return Shape(extents)
  }

  /// The model for pixels, when the client normalises them.
  func normalizing(_ model: Model) throws -> Model {
    guard mean != nil || std != nil else { return model }
    return model.normalizing(
      try PixelNormalization(
        means: try mean.map { try numbers($0, of: "--mean") } ?? [0],
        deviations: try std.map { try numbers($0, of: "--std") } ?? [1],
        channels: model.inputShape[0]))
  }

  /// What a model is wanted for, which says how much memory its parameters take.
  enum Use {
    case attack
    case gradient(DType)

    /// Weights, the shared gradient and what attacks derive from them take 8 to 14 times the weights in
    /// f64; a gradient alone took 38 bytes in f32 and 56 in f64 of a ViT of 87 million.
    fileprivate var bytesPerParameter: Double {
      switch self {
      case .attack: 12 * 8
      case .gradient(.f64): 60
      case .gradient: 40
      }
    }

    fileprivate var name: String {
      switch self {
      case .attack: "attacking it"
      case .gradient: "its gradient"
      }
    }
  }

  /// Refuses what the system would end in the middle.
  func checkMemory(
    _ model: Model, batchSizes: Set<Int> = [1], for use: Use
  ) throws(ModelError) {
    let pixels = Double(model.inputShape.elementCount) * Double(batchSizes.max() ?? 1)
    let needed = use.bytesPerParameter * Double(model.parameterCount) + 100 * pixels
    let available = Double(ProcessInfo.processInfo.physicalMemory)
    guard needed <= available else {
      func gigabytes(_ bytes: Double) -> Int { Int((bytes / 1e9).rounded(.up)) }
      throw ModelError(
        "\(model.name) would have \(model.parameterCount) parameters and images of "
          + "\(model.inputShape), and \(use.name) would take "
          + "about \(gigabytes(needed)) GB of memory, more than the \(gigabytes(available)) GB of "
          + "this machine; use a smaller image, number of classes or model")
    }
  }
}

/// A model that options chose, ready to be given weights.
struct SelectedModel {
  /// Weights that came with it.
  struct Given {
    let weighted: WeightedModel
    /// Where they come from, for records.
    let description: String
  }

  let model: Model
  /// The name of its activation, for records.
  let activation: String
  let mode: ForwardMode
  /// Nil for a model that is drawn afresh for every seed.
  let given: Given?
  /// Its parameters with what is known of their names in training code.
  var wanted: [WantedTensor]?
  /// The function that its file ends in and its logits go without; nil for none.
  var ending: LossEnding?
  /// What the user should know of it.
  var notes: [String] = []

  func weighted(seed: UInt64) -> WeightedModel {
    given?.weighted ?? WeightedModel(untrained: model, seed: seed)
  }

  func weightsDescription(seed: UInt64) -> String {
    given?.description ?? "untrained, initialised with seed \(seed)"
  }
}

/// The last part of a path.
func fileName(_ path: String) -> String { URL(fileURLWithPath: path).lastPathComponent }

/// The last part of a path without its extension.
func fileStem(_ path: String) -> String {
  URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
}
