import Clients
import ModelIO
import TensorGraph

/// What a client of a language model shared: gradients by the names of their parameters, or after
/// several local steps the differences of weights, divided by the learning rate. Those of frozen
/// parameters are missing.
package struct TextUpdate: Sendable {
  package let gradients: [String: Tensor]
  /// Number of texts in the private batch.
  package let batchSize: Int
  /// The local steps behind the update; nil for one gradient.
  package let training: LocalTraining?
  /// What the client trained instead of most weights; nil where it trained those.
  package let adapters: LowRankAdapters?
  /// The gradients of adapters' second layers B, [out, rank], by the names of the adapted weights.
  package let adapterGradients: [String: Tensor]
  /// The gradients of adapters' first layers A, [rank, in], by the names of the adapted weights; those of
  /// fresh adapters are 0 and left out.
  package let reductionGradients: [String: Tensor]
  /// Standard deviations of noise on a tensor's numbers that the attacker knows of, from the public form of
  /// defences; none for tensors that are exact. By the names of parameters or adapted weights.
  package let noiseDeviations: [String: Double]
  /// How the rounding of weights shows in differences of them; nil for gradients, and for weights of f64.
  package let rounding: WeightRounding?

  /// - Throws: ``AttackError`` when a tensor is not one of the model's, or there is none.
  package init(
    gradients: [String: Tensor], batchSize: Int, training: LocalTraining? = nil,
    adapters: LowRankAdapters? = nil, adapterGradients: [String: Tensor] = [:],
    reductionGradients: [String: Tensor] = [:], noiseDeviations: [String: Double] = [:],
    rounding: WeightRounding? = nil, model: TextModel
  ) throws(AttackError) {
    precondition(batchSize >= 1, "an update of \(batchSize) texts")
    let specs = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, $0) })
    for (name, tensor) in gradients.sorted(by: { $0.key < $1.key }) {
      guard let spec = specs[name] else {
        throw AttackError(
          advising: """
            the update has a tensor \(name), which the model (\(model.name), \
            \(model.configuration.head.name) head) has not; check the model and \(.head)
            """)
      }
      guard spec.shape == tensor.shape, tensor.dtype.isFloatingPoint else {
        throw AttackError(
          "the update's tensor \(name) is \(tensor.type) where the model has \(spec.shape); give "
            + "the model that the client trained")
      }
      guard tensor.hasOnlyFiniteElements else {
        throw AttackError("the update's tensor \(name) holds numbers that are not finite")
      }
    }
    guard !(gradients.isEmpty && adapterGradients.isEmpty) else {
      throw AttackError("the update holds no gradients")
    }
    precondition(
      adapters != nil || (adapterGradients.isEmpty && reductionGradients.isEmpty),
      "gradients of no adapters")
    if let adapters {
      try adapters.check(adapterGradients, reductionGradients, specs.mapValues(\.shape))
    }
    self.gradients = gradients
    self.batchSize = batchSize
    self.training = training
    self.adapters = adapters
    self.adapterGradients = adapterGradients
    self.reductionGradients = reductionGradients
    self.noiseDeviations = noiseDeviations
    self.rounding = rounding
  }

  /// The same without the gradients of some parameters, as if those were frozen.
  package func withholding(_ names: Set<String>) -> TextUpdate {
    TextUpdate(self, keeping: gradients.filter { !names.contains($0.key) })
  }

  private init(_ update: TextUpdate, keeping gradients: [String: Tensor]) {
    self.gradients = gradients
    batchSize = update.batchSize
    training = update.training
    adapters = update.adapters
    adapterGradients = update.adapterGradients
    reductionGradients = update.reductionGradients
    noiseDeviations = update.noiseDeviations
    rounding = update.rounding
  }

  /// The squared Euclidean norm over all tensors.
  package var squaredNorm: Double {
    [gradients, adapterGradients, reductionGradients].reduce(0) { sum, tensors in
      tensors.keys.sorted().reduce(sum) { $0 + (tensors[$1]?.squaredNorm ?? 0) }
    }
  }
}

extension Tensor {
  var hasOnlyFiniteElements: Bool {
    switch storage {
    case .f32(let elements): elements.allSatisfy(\.isFinite)
    case .f64(let elements): elements.allSatisfy(\.isFinite)
    case .i32, .i64, .bool: true
    }
  }

  /// Row `index` of a matrix, as `Double`s.
  func row(_ index: Int) -> [Double] {
    let width = shape[1]
    let range = index * width..<(index + 1) * width
    switch storage {
    case .f32(let elements): return elements[range].map(Double.init)
    case .f64(let elements): return Array(elements[range])
    case .i32, .i64, .bool: return Array(doubles[range])
    }
  }
}
