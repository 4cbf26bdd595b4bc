import Clients
import Defences
import ModelIO
import Solvers
import TensorGraph

/// How a client of a language model comes by what it shares.
package struct TextClient: Sendable {
  /// Its local steps; nil for one gradient.
  package var training: LocalTraining?
  /// What it trains instead of the model's own weights; nil for those.
  package var adapters: LowRankAdapters?
  package var defences: DefenceChain
  /// Whether the attacker knows of the defences, and so how large their noise is.
  package var isDefenceKnown: Bool
  package var seed: UInt64

  package init(
    training: LocalTraining? = nil, adapters: LowRankAdapters? = nil,
    defences: DefenceChain = .none, isDefenceKnown: Bool = true, seed: UInt64 = 0
  ) {
    self.isDefenceKnown = isDefenceKnown
    self.training = training
    self.adapters = adapters
    self.defences = defences
    self.seed = seed
  }

  /// Whether it shares a plain gradient of the weights of a model.
  package func isPlain(of model: TextModel) -> Bool {
    steps(of: model) == nil && adapters == nil && defences.defences.isEmpty
  }

  private func steps(of model: TextModel) -> LocalTraining? {
    training.flatMap { $0.isJointGradient(of: model) ? nil : $0 }
  }

  /// Whether such a client can be simulated; to be asked before anything runs.
  ///
  /// - Parameter batchSize: texts in its batch.
  /// - Throws: ``AttackError`` when a defence cannot act on it, or several steps meet adapters.
  package func check(batchSize: Int, of model: TextModel) throws(AttackError) {
    try defences.check(
      for: DefenceSetting(
        data: .texts, parameterNames: model.parameters.map(\.name), batchSize: batchSize,
        training: training))
    guard adapters == nil || steps(of: model) == nil else {
      throw AttackError(
        advising: """
          several local steps are simulated for all weights, without adapters; leave out \(.adapterRank) \
          or the local steps
          """)
    }
  }
}

extension WeightedTextModel {
  /// What a client with this private batch shares after its local steps and defences.
  ///
  /// - Parameter frozen: names of parameters that it does not train.
  /// - Returns: the update, and what its defences made of its tensors; nil without defences.
  /// - Throws: ``AttackError`` when the batch does not fit the model, the backend cannot run it, a defence
  ///   cannot act on it, or several steps meet adapters.
  package func share(
    _ batch: TextBatch, by client: TextClient, frozen: Set<String> = [], dtype: DType = .f32,
    backend: any Backend
  ) throws(AttackError) -> (update: TextUpdate, defended: DefendedUpdate?) {
    // Whose order is not known shuffles.
    let training = client.training.flatMap { $0.isJointGradient(of: model) ? nil : $0 }
    let followed = training.map {
      $0.isOrderKnown
        ? $0 : $0.shuffled(using: RandomSource(seed: client.seed).derive(label: "epochs"))
    }
    var pipeline = DefencePipeline(client.defences, seed: client.seed)
    try client.check(batchSize: batch.tokens.count, of: model)
    func shared(_ batch: TextBatch) throws(AttackError) -> Shared {
      let all: [Tensor]
      if let followed {
        all = try self.update(of: batch, followed, dtype: dtype, backend: backend)
      } else {
        all = try gradient(of: batch, dtype: dtype, backend: backend).gradients
      }
      return Shared(model: model, all: all, adapters: client.adapters, frozen: frozen)
    }
    let plain = try shared(batch)
    var tensors = plain.tensors
    var sent = Array(tensors.indices)
    var noise = tensors.map { _ in 0.0 }
    var defended: DefendedUpdate?
    if !client.defences.defences.isEmpty {
      var examples: [[Tensor]] = []
      if client.defences.needsExampleGradients {
        for index in batch.tokens.indices {
          examples.append(try shared(batch.texts(at: [index])).tensors)
        }
      }
      let result = pipeline.apply(
        tensors, batchSize: batch.tokens.count, training: training, examples: examples,
        names: plain.names)
      (tensors, sent) = (result.update.gradients, result.update.sharedParameters)
      if client.isDefenceKnown { noise = result.noiseVariances.map { $0.squareRoot() } }
      defended = result
    }
    let sharedUpdate = try plain.update(
      sent.map { ($0, tensors[$0]) }, noise: noise, batchSize: batch.tokens.count,
      training: training,
      rounding: dtype == .f32
        ? training.map { WeightRounding(learningRate: $0.learningRate, steps: $0.stepsPerClient) }
        : nil)
    return (sharedUpdate, defended)
  }
}

/// The tensors of an update in the order in which defences see them.
private struct Shared {
  /// Which part of an update a tensor is.
  private enum Part {
    case expansion
    case reduction
    case own
  }

  let model: TextModel
  let adapters: LowRankAdapters?
  let tensors: [Tensor]
  private let places: [(part: Part, name: String)]

  init(
    model: TextModel, all: [Tensor], adapters: LowRankAdapters?, frozen: Set<String>
  ) {
    self.model = model
    self.adapters = adapters
    let order = model.parameters.map(\.name)
    let byName = Dictionary(uniqueKeysWithValues: zip(order, all)).filter {
      !frozen.contains($0.key)
    }
    let gradients =
      adapters.map { model.adapterGradients(byName, $0) } ?? AdaptedGradients(own: byName)
    var places: [(Part, String)] = []
    var tensors: [Tensor] = []
    for (part, named) in [
      (Part.expansion, gradients.expansions), (.reduction, gradients.reductions),
      (.own, gradients.own),
    ] {
      for name in order {
        guard let tensor = named[name] else { continue }
        places.append((part, name))
        tensors.append(tensor)
      }
    }
    (self.places, self.tensors) = (places, tensors)
  }

  /// The parameter that each tensor is of.
  var names: [String] { places.map(\.name) }

  func update(
    _ sent: [(Int, Tensor)], noise: [Double], batchSize: Int, training: LocalTraining?,
    rounding: WeightRounding?
  ) throws(AttackError) -> TextUpdate {
    func named(_ part: Part) -> [String: Tensor] {
      Dictionary(
        uniqueKeysWithValues: sent.filter { places[$0.0].part == part }
          .map { (places[$0.0].name, $0.1) })
    }
    var deviations: [String: Double] = [:]
    for (index, _) in sent where noise[index] > 0 {
      deviations[places[index].name] = max(deviations[places[index].name] ?? 0, noise[index])
    }
    return try TextUpdate(
      gradients: named(.own), batchSize: batchSize, training: training, adapters: adapters,
      adapterGradients: named(.expansion), reductionGradients: named(.reduction),
      noiseDeviations: deviations, rounding: rounding, model: model)
  }
}
