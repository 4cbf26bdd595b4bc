import Clients
import Foundation
import ModelIO
import TensorGraph

/// A model that was chosen, ready to be given weights.
package struct SelectedModel: Sendable {
  /// Weights that came with it.
  struct Given: Sendable {
    let weighted: WeightedModel
    /// Where they come from.
    let source: WeightSource
  }

  package private(set) var model: Model
  /// The name of its activation, for records.
  package let activation: String
  package let mode: ForwardMode
  /// Nil for a model that is drawn afresh for every seed.
  private(set) var given: Given?
  /// Its parameters with what is known of their names in training code.
  package private(set) var wanted: [WantedTensor]?
  /// The function that its file ends in and its logits go without; nil for none.
  package private(set) var ending: LossEnding?
  /// Names of its tensors in the order of training code, as its weights' file has them; empty where that does not tell.
  package private(set) var order: [String] = []
  /// What the user should know of it.
  package private(set) var notes: [Sentence] = []

  /// The same for examples of a known structure.
  func reading(_ structure: InputStructure) -> SelectedModel {
    var result = self
    result.model = model.reading(structure)
    if let given {
      let weighted = WeightedModel(
        model: result.model, parameters: given.weighted.parameters,
        buffers: given.weighted.buffers)
      result.given = Given(weighted: weighted, source: given.source)
    }
    return result
  }

  /// Whether every seed draws weights of its own.
  package var drawsWeights: Bool { given == nil }

  package func weighted(seed: UInt64) -> WeightedModel {
    given?.weighted ?? WeightedModel(untrained: model, seed: seed)
  }

  /// How it comes by its weights.
  package func weightSource(seed: UInt64) -> WeightSource {
    given?.source ?? .drawn(seed: seed)
  }
}

/// What a model is wanted for, which says how much memory its parameters take.
package enum ModelUse: Sendable {
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

extension ModelChoice {
  /// The chosen model.
  ///
  /// - Parameters:
  ///   - mode: how the client's model computes.
  ///   - batchSizes: that it will be run with; a model from a file is made for these.
  ///   - use: what will be done with it.
  ///   - blocks: of a table's inputs, which a model of tables embeds.
  /// - Throws: ``ModelError``, ``ONNXError`` or ``FileError`` when there is no such model, a member does not fit
  ///   it, or it cannot fit into memory; ``ExperimentError`` as ``check()``.
  package func select(
    mode: ForwardMode = .evaluation, batchSizes: Set<Int> = [1], for use: ModelUse = .attack,
    embedding blocks: [Range<Int>] = []
  ) throws -> SelectedModel {
    try check()
    return isFile
      ? try selectFile(mode, batchSizes, embedding: blocks, for: use)
      : try selectNamed(mode, embedding: blocks, for: use)
  }

  private func selectNamed(
    _ mode: ForwardMode, embedding blocks: [Range<Int>], for use: ModelUse
  ) throws -> SelectedModel {
    let architecture = try ModelCatalog.architecture(named: name)
    let channels = architecture.defaults.inputShape[0]
    var options = ModelOptions(
      inputShape: inputShape.map { Shape($0) } ?? size.map { [channels, $0, $0] },
      classCount: classes, activation: activation, width: width, depth: depth, pooling: pooling)
    options.embedded = blocks
    let model = try normalizing(try architecture.model(options))
    try checkMemory(model, for: use)
    let file = try weightsFile(for: model)
    return SelectedModel(
      model: model, activation: (activation ?? architecture.defaults.activation).rawValue,
      mode: mode,
      given: file.map {
        SelectedModel.Given(weighted: $0.weighted, source: .file(fileName(weights ?? name)))
      }, order: file?.order ?? [], notes: file?.notes ?? [])
  }

  /// The weights that are named; nil for none.
  private func weightsFile(
    for model: Model, wanted: [WantedTensor]? = nil
  ) throws -> WeightsFile? {
    let rules = try tensorRenamings()
    return try weights.map {
      try WeightsFile(contentsOf: $0, for: model, wanted: wanted, renamings: rules)
    }
  }

  private func selectFile(
    _ mode: ForwardMode, _ batchSizes: Set<Int>, embedding blocks: [Range<Int>], for use: ModelUse
  ) throws -> SelectedModel {
    var options = ImportOptions(batchSizes: batchSizes, mode: mode)
    options.inputShape = inputShape.map { Shape($0) }
    options.size = size
    options.words = blocks
    options.dimensions = extents ?? [:]
    options.output = output
    let imported = try ImportedModel(contentsOf: name, options)
    let model = try normalizing(imported.weighted.model)
    try checkMemory(model, batchSizes: batchSizes, for: use)
    let file = try weightsFile(for: model, wanted: imported.wanted)
    let weighted =
      file?.weighted
      ?? WeightedModel(
        model: model, parameters: imported.weighted.parameters, buffers: imported.weighted.buffers)
    return SelectedModel(
      model: model, activation: imported.activations, mode: mode,
      given: SelectedModel.Given(
        weighted: weighted, source: .file(fileName(weights ?? name))),
      wanted: imported.wanted, ending: imported.ending,
      order: file?.order ?? [], notes: imported.notes + (file?.notes ?? []))
  }

  /// The model for pixels, when the client normalises them.
  private func normalizing(_ model: Model) throws(ModelError) -> Model {
    guard mean != nil || deviation != nil else { return model }
    return model.normalizing(
      try PixelNormalization(
        means: mean ?? [0], deviations: deviation ?? [1], channels: model.inputShape[0]))
  }

  /// Refuses what the system would end in the middle.
  private func checkMemory(
    _ model: Model, batchSizes: Set<Int> = [1], for use: ModelUse
  ) throws(ModelError) {
    let pixels = Double(model.inputShape.elementCount) * Double(batchSizes.max() ?? 1)
    let needed = use.bytesPerParameter * Double(model.parameterCount) + 100 * pixels
    let available = Double(ProcessInfo.processInfo.physicalMemory)
    guard needed <= available else {
      func gigabytes(_ bytes: Double) -> Int { Int((bytes / 1e9).rounded(.up)) }
      throw ModelError(
        "\(model.name) would have \(model.parameterCount) parameters and examples of "
          + "\(model.inputShape), and \(use.name) would take "
          + "about \(gigabytes(needed)) GB of memory, more than the \(gigabytes(available)) GB of "
          + "this machine; use smaller examples, fewer classes or a smaller model")
    }
  }
}
