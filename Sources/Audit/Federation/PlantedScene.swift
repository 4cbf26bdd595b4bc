import Attacks
import Clients
import Federation
import ModelIO
import Solvers
import TensorGraph

/// What a server of a federation plants in everybody's weights, and what it reads off what comes back: the weights and the
/// reading are those of ``MaliciousSimulation``. It sets its weights by pictures that no worker has.
package struct PlantedScene {
  private let method: MaliciousMethod
  private let honest: WeightedModel
  private let samples: [Tensor]
  private let bins: Int
  private let workers: Int
  private let settings: FederationSettings
  private let backend: any Backend

  /// Pictures that quantiles are taken from, at most.
  private static let largestSampleCount = 512

  /// - Parameters:
  ///   - adversary: what the server does; nil comes of one that plants nothing.
  ///   - scene: nil comes of one without pictures.
  ///   - backend: runs the worker's check of what it gets.
  package init?(
    _ adversary: Adversary, _ plan: FederationPlan, _ scene: any FederationScene,
    backend: any Backend
  ) {
    guard let scene = scene as? FederationPlan.Scene else { return nil }
    switch adversary {
    case .robbingTheFed: method = .robbingTheFed
    case .trapWeights: method = .trapWeights
    case .none, .inconsistentModels, .differencing, .colluders: return nil
    }
    honest = scene.selected.weighted(seed: plan.settings.seed)
    let count = min(scene.heldOut.count, PlantedScene.largestSampleCount)
    samples = unstacked(scene.heldOut.images(Array(0..<count)).converted(to: .f64))
    bins = plan.imprintBins ?? 0
    settings = plan.settings
    workers = plan.settings.workers
    self.backend = backend
  }

  private var seed: UInt64 { settings.seed }

  /// A model with weights as workers keep them.
  private func weighted(_ model: Model, _ weights: [Tensor]) -> WeightedModel {
    WeightedModel(model: model, parameters: weights, buffers: honest.buffers)
  }

  private func imprint() throws(AttackError) -> ImprintServer {
    try ImprintServer(model: honest.model, samples: samples, bins: bins)
  }

  /// Traps that fire for one picture of all that come together.
  private func traps(_ weights: [Tensor]) throws(AttackError) -> TrapWeights {
    try TrapWeights(
      weighted(honest.model, weights), samples: samples, batchSize: workers * settings.batchSize,
      seed: seed)
  }

  /// What the server sends in place of the weights.
  ///
  /// - Throws: ``FederationError`` of kind `badInput` where the method does not go with the model.
  package func plant(_ weights: [Tensor]) throws(FederationError) -> [Tensor] {
    do throws(AttackError) {
      let planted: WeightedModel
      if method == .robbingTheFed {
        let server = try imprint()
        planted = server.planted(weighted(server.model, weights))
      } else {
        planted = try traps(weights).model
      }
      return planted.parameters.map { $0.converted(to: .f32) }
    } catch {
      throw FederationError(advising: error.sentence, .badInput)
    }
  }

  /// What the server reads off the gradient of a batch.
  ///
  /// - Parameters:
  ///   - gradients: f32 tensors, one for each parameter.
  ///   - planted: what ``plant(_:)`` gave.
  ///   - batch: the private pictures behind it, to measure by.
  /// - Throws: ``AttackError`` when the backend fails.
  package func read(
    _ gradients: [Tensor], planted: [Tensor], batch: [PrivateExample]
  ) throws(AttackError) -> MaliciousSimulation.Outcome {
    let simulation = MaliciousSimulation(
      model: honest.model, batch: batch, samples: samples, precision: .f32, seed: seed,
      backend: backend)
    let update = SharedUpdate(gradients: gradients, batchSize: batch.count)
    guard method == .robbingTheFed else {
      return try simulation.read(update, by: try traps(planted))
    }
    let server = try imprint()
    return try simulation.read(update, by: server, weighted(server.model, planted))
  }

  /// How a reading is told of in tables.
  package var verdict: String {
    method == .robbingTheFed ? "read off the bins" : "read off the traps"
  }
}

/// What a server that planted weights read, with what is needed to show it.
package struct PlantedReading: Sendable {
  /// Of the observation, and the beginning of its files' names.
  package let name: String
  /// What it read.
  package let outcome: MaliciousSimulation.Outcome
  /// The private pictures.
  package let batch: [PrivateExample]

  /// How much of each picture came back. Bins and traps tell no labels, so that a picture alone is all of it.
  package var levels: [LeakLevel] {
    zip(outcome.record.images, batch).map { entry, example in
      guard !entry.isRecovered else { return .full }
      let grey = Tensor(example.image.shape, .f64, repeating: 0.5)
      let guess = ReconstructionQuality(of: grey, original: example.image).peakSignalToNoiseRatio
      return entry.psnr.value >= LeakThreshold.recognisablePSNR
        && entry.psnr.value >= guess + LeakThreshold.marginOverGrey ? .recognisable : .nothing
    }
  }

  /// Writes the record and a sheet of the first pictures.
  ///
  /// - Throws: `FileError` when a file cannot be written.
  package func write(to staged: StagedFolder) throws {
    try AtomicFile.write(
      try ResultWriter.json(outcome.record), to: staged.path(of: name + "-malicious.json"))
    let sheet = MaliciousWriter.sheet(outcome, batch)
    try sheet.image().writePNG(to: staged.path(of: name + "-contact-sheet.png"))
  }
}
