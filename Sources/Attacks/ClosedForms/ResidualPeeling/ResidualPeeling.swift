import Clients
import Solvers
import TensorGraph

/// Reads the values inside a network with skips off the gradient of an image or a few, from the loss down.
///
/// Where the cotangent of a contraction's output is known, the gradient of its weight is linear in its input
/// (``MapEquations``), however many paths join behind it. The input is an activation's value, which tells
/// the activation's derivative, and with it the cotangents one activation further down. Cotangents depend
/// on weights and derivatives alone, so that errors do not grow from layer to layer as long as a
/// rectifier's zeros are told right. Below global pooling, which hides the last activation's value, its
/// derivative comes from ``BlindFactorization``. What the images of a batch add to a weight's gradient stands
/// beside each other in its equations, which are as many as for one. Where weight gradients leave a few directions open the values
/// above close them (``ForwardClosing``); where they leave many, the recursion ends.
struct ResidualPeeling {
  /// What is known of an activation.
  struct KnownActivation {
    /// Nil where only the derivative is known.
    private(set) var value: Tensor?
    /// Arguments, and which of them their values determine; nil likewise.
    let argument: Tensor?
    private(set) var isArgumentKnown: [Bool]
    /// Cotangent of the value.
    let valueCotangent: Tensor
    /// Cotangent of the argument.
    private(set) var cotangent: Tensor
    /// Of a rectifier's units, how many standard deviations each is from being taken for the other kind; nil
    /// where none is in doubt.
    private(set) var confidence: [Double]?

    init(
      value: Tensor, argument: Tensor, isKnown: [Bool], valueCotangent: Tensor, cotangent: Tensor
    ) {
      self.value = value
      self.argument = argument
      isArgumentKnown = isKnown
      self.valueCotangent = valueCotangent
      self.cotangent = cotangent
    }

    /// A rectifier's.
    ///
    /// - Parameter found: values up to errors, of which those of active units count; nil where they are not
    ///   known.
    init(found: [Double]?, isActive: [Bool], confidence: [Double]?, valueCotangent: Tensor) {
      argument = found.map { Tensor(valueCotangent.shape, .f64($0)) }
      self.valueCotangent = valueCotangent
      self.confidence = confidence
      isArgumentKnown = []
      cotangent = valueCotangent
      settle(isActive)
    }

    /// Takes other units of a rectifier for active.
    private mutating func settle(_ isActive: [Bool]) {
      func masked(_ tensor: Tensor) -> Tensor {
        Tensor(tensor.shape, .f64(zip(tensor.doubles, isActive).map { $1 ? $0 : 0 }))
      }
      isArgumentKnown = isActive
      cotangent = masked(valueCotangent)
      value = argument.map(masked)
    }

    /// The same with units that the layer below settled.
    func settled(_ isActive: [Bool]) -> KnownActivation {
      var result = self
      result.settle(isActive)
      result.confidence = nil
      return result
    }
  }

  /// The values of a maximum pooling, below which the recursion does not go: which elements are the largest
  /// they do not tell.
  struct KnownSelection {
    let value: Tensor
    let cotangent: Tensor
  }

  /// What the recursion gives.
  struct Outcome {
    var known: [Int: KnownActivation] = [:]
    var selections: [Int: KnownSelection] = [:]
    /// From the last layer down.
    var layers: [LayerPeeling.Layer] = []
    /// The value at which the recursion ended.
    var end: ActivationGraph.Source = .data
    /// Why it ended there.
    var reason: String?
  }

  let model: Model
  let backend: any Backend
  let network: ActivationGraph
  let segments: ActivationSegments
  let update: SharedUpdate
  /// Whether the gradient's numbers have errors beyond the rounding of f64.
  private(set) var isNoisy: Bool
  /// Cotangents of the logits, [N, K].
  let logitsCotangent: Tensor

  /// - Parameter logitsCotangent: of a batch, image by image; nil for one image, whose bias gradient it is.
  /// - Throws: ``AttackError`` when the model or the update does not allow for it.
  init(
    _ weighted: WeightedModel, _ update: SharedUpdate, logitsCotangent: Tensor? = nil,
    mode: ForwardMode, backend: any Backend
  ) throws(AttackError) {
    let model = weighted.model
    try update.requireOneGradient("residual peeling")
    guard model.probeBatchSize == 1, model.labelPositions.rank == 0, model.bottleneck == nil,
      let classifier = model.classifier, let bias = classifier.bias,
      let sums = update.gradient(of: bias)
    else {
      throw AttackError(
        "residual peeling starts from the bias gradient of a fully connected last layer; use the attack auto"
      )
    }
    isNoisy = update.relativeRounding > 1e-20 || sums.dtype == .f32
    network = try ActivationGraph(model, batchSize: update.batchSize, mode: mode)
    segments = ActivationSegments(
      network, parameters: (weighted.parameters + weighted.buffers).map { $0.converted(to: .f64) },
      backend: backend)
    self.logitsCotangent = (logitsCotangent ?? sums.converted(to: .f64)).reshaped(
      to: network.graph.outputTypes[0].shape)
    self.model = model
    self.update = update
    self.backend = backend
  }

  /// The same, which takes the gradient's numbers for those with errors.
  var tolerant: ResidualPeeling {
    var other = self
    other.isNoisy = true
    return other
  }

  /// - Parameter shouldStop: asked before each layer.
  /// - Throws: ``AttackError`` of kind ``AttackError/Kind/notApplicable`` when not even the last activation
  ///   can be told, and when it was stopped.
  func peel(shouldStop: () -> Bool) throws(AttackError) -> Outcome {
    var outcome = Outcome()
    let order = network.activations.indices.reversed().map { ActivationGraph.Source.activation($0) }
    for source in order + [.data] {
      if shouldStop() {
        throw AttackError(
          "residual peeling was stopped before it came to an image; give it more time", .stopped)
      }
      let isDone = try AttackError.naming(model.name, "attacked") { () throws(GraphError) in
        try step(at: source, &outcome)
      }
      if !isDone { break }
    }
    guard !outcome.known.isEmpty || outcome.end == .data else {
      throw AttackError(
        "residual peeling cannot tell which units of the last layer before the classifier were active"
          + (outcome.reason.map { ": \($0)" } ?? "") + "; use the attack auto")
    }
    return outcome
  }

  /// Relative residual of the first equations above which they are not exact.
  static let noiseEdge = 1e-11

  /// Finds what is to be known of one value.
  ///
  /// - Returns: whether the recursion goes on.
  private func step(
    at source: ActivationGraph.Source, _ outcome: inout Outcome
  ) throws(GraphError) -> Bool {
    let cotangents = try segments.cotangents(
      of: source, arguments: outcome.known.mapValues(\.cotangent), output: logitsCotangent)
    outcome.end = source
    guard case .activation(let index) = source else { return false }
    let before = outcome.known.mapValues(\.isArgumentKnown)
    if let map = try map(of: source, cotangents.contractions, &outcome) {
      var cotangent = cotangents.value
      if before != outcome.known.mapValues(\.isArgumentKnown) {
        cotangent = try segments.cotangents(
          of: source, arguments: outcome.known.mapValues(\.cotangent), output: logitsCotangent
        ).value
      }
      guard !network.activations[index].isSelection else {
        outcome.selections[index] = KnownSelection(
          value: Tensor(cotangent.shape, .f64(map.values)), cotangent: cotangent)
        outcome.reason = "which elements a maximum pooling took is not told by them"
        return false
      }
      guard let known = try known(index, map, cotangent, &outcome) else {
        outcome.layers[outcome.layers.count - 1].isSought = true
        return false
      }
      outcome.known[index] = known
      return true
    }
    guard !network.activations[index].isSelection,
      let known = try knownBlindly(index, cotangents.value, &outcome)
    else { return false }
    outcome.known[index] = known
    return true
  }
}
