import Attacks
import Clients
import Federation
import Foundation
import ModelIO
import TensorGraph

/// All that a federation's parties have agreed upon: settings, model and data. The server hands it to its workers.
package struct FederationPlan: Codable, Hashable, Sendable {
  /// How they train and exchange.
  package var settings: FederationSettings
  /// What they train. Weights are drawn from the settings' seed, or read from its file.
  package var model: ModelChoice
  /// What they train on.
  package var data: FederationData
  /// Bins of a block that the server put in front of the model, which does nothing until it plants them; nil for none.
  package var imprintBins: Int?

  /// A model that fits the data, where no other size is asked for.
  package init(settings: FederationSettings, model: ModelChoice, data: FederationData) {
    self.settings = settings
    self.data = data
    var model = model
    if let usual = data.usualModel, !model.isFile {
      if model.classes == nil, model.head == nil { model.classes = usual.classes }
      if model.inputShape == nil, model.size == nil { model.inputShape = usual.inputShape }
    }
    self.model = model
  }

  /// The plan's data in memory.
  package struct Scene: Sendable {
    package let selected: SelectedModel
    package let weighted: WeightedModel
    package let vector: ParameterVector
    package let training: PictureSource
    package let heldOut: TrainingSet

    /// The weights that training begins with, as all parties keep them.
    package var weights: [Tensor] { weighted.parameters.map { $0.converted(to: .f32) } }
  }

  /// Reads the model, and pictures.
  ///
  /// - Throws: as ``ModelChoice/select(mode:batchSizes:for:)`` and ``FederationData``.
  package func scene() throws -> Scene {
    try settings.check()
    let selected = try model.select(
      batchSizes: [settings.miniBatch ?? settings.batchSize], for: .gradient(.f32))
    try checkLabels(selected.model)
    var weighted = selected.weighted(seed: settings.seed)
    if let imprintBins {
      guard ImprintServer.binCounts.contains(imprintBins), weighted.model.normalization == nil,
        !model.isFile
      else {
        throw FederationError(
          "\(imprintBins) bins go in front of built-in models of pixels, 2 to 65536 of them",
          .badInput)
      }
      weighted = ImprintServer.extended(weighted, bins: imprintBins, seed: settings.seed)
    }
    let model = weighted.model
    guard model.inputShape[0] == 1 || model.inputShape[0] == 3 else {
      throw FederationError(
        "\(model.name) takes images of \(model.inputShape[0]) channels, and pictures have 1 or 3; give another model",
        .badInput)
    }
    let vector = ParameterVector(model)
    try settings.check(vector)
    let (training, heldOut) = try data.read(
      inputShape: model.inputShape, classCount: model.classCount, workers: settings.workers,
      seed: settings.seed)
    return Scene(
      selected: selected, weighted: weighted, vector: vector, training: training,
      heldOut: heldOut)
  }

  /// The plan's model and data, whatever their kind.
  ///
  /// - Parameter backend: reads models in ONNX files.
  /// - Throws: as ``scene()``; for texts as ``DataKind/runner(for:batchSizes:backend:)``.
  package func read(backend: any Backend) throws -> any FederationScene {
    guard case .texts(let source) = data.source else { return try scene() }
    return try TextScene(self, source, backend: backend)
  }

  /// The positions of a worker's examples.
  ///
  /// - Parameter labels: the class of each example.
  /// - Throws: ``FederationError`` where it has none.
  func positions(of worker: Int, labels: [Int]) throws(FederationError) -> [Int] {
    let positions = data.shards.positions(
      of: worker, settings.workers, labels: labels, seed: settings.seed)
    guard !positions.isEmpty else {
      throw FederationError(
        "worker \(worker + 1) would have no examples; take fewer workers or more examples",
        .badInput)
    }
    return positions
  }

  /// Bytes that a message may have.
  package static func largestBody(_ vector: ParameterVector, _ settings: FederationSettings) -> Int
  {
    // A report carries a batch, what was shared, weights, and what came round in a ring.
    let encrypted =
      settings.protection.scheme.map { EncryptedVector.byteCount($0, count: vector.count) } ?? 0
    return 16 * vector.count + 8 * settings.batchSize * 3 * 64 * 64 + encrypted + (4 << 20)
  }

  /// As text, for ``Invitation/Welcome/context``.
  package var text: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  /// Reads it from text.
  ///
  /// - Throws: ``FederationError`` of kind `refused` for what is none.
  package init(text: String) throws(FederationError) {
    do {
      self = try JSONDecoder().decode(FederationPlan.self, from: Data(text.utf8))
    } catch let error as FederationError {
      throw error
    } catch {
      throw FederationError(
        "the server's plan cannot be read; run the same version of gradleak on both sides", .refused
      )
    }
  }
}
