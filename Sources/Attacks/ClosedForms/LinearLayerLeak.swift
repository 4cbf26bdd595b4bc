import Clients
import TensorGraph

/// The input of a fully connected first layer, or of tokens of columns, whatever follows; see `LinearLayerLeak` and `ColumnTokens`.
public struct LinearLayerAttack: ClosedFormAttack {
  // Quotients of two tensors' gradients, whatever the weights and the loss.
  /// `linear`.
  public let descriptor = AttackDescriptor(
    name: .linear,
    summary: "closed form, for a fully connected first layer, or a token for each column",
    paper: "Geiping et al. 2020, arXiv 2003.14053, Proposition 3.1",
    needs: [AttackNeed(.architecture), AttackNeed(.batchSize)], category: .eavesdropper,
    searches: false, method: "linear layer")

  /// The attack; it has no options.
  public init() {}

  /// One division for each pixel.
  public func solve(
    _ problem: AttackProblem, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    let image = try example(of: problem)
    return ClosedFormSolution(images: image, labels: [try problem.label(of: image)])
  }

  private func example(of problem: AttackProblem) throws(AttackError) -> Tensor {
    let leak: LinearLayerLeak
    do {
      leak = try LinearLayerLeak(problem.weighted, backend: problem.backend)
    } catch {
      guard
        let tokens = try AttackError.ifApplicable({ () throws(AttackError) in
          try ColumnTokens(problem.weighted.model)
        })
      else { throw error }
      return try tokens.reconstruct(problem.update)
    }
    return try leak.reconstruct(problem.update).image
  }
}

/// The input of a fully connected first layer, straight from its gradient.
///
/// With y = W x + b, ∂ℓ/∂W = (∂ℓ/∂y) xᵀ and ∂ℓ/∂b = ∂ℓ/∂y: row i of the weight's gradient is the private
/// input times component i of the bias's (Geiping et al. 2020, arXiv 2003.14053, Proposition 3.1). All
/// rows are used, x = Σᵢ bᵢ Wᵢ / Σᵢ bᵢ², which is the least-squares solution.
///
/// For a convolution the argument fails: its weight's gradient sums over all positions, so that no row
/// is a multiple of the input.
package struct LinearLayerLeak: Sendable {
  package struct Result: Sendable {
    /// [1, C, H, W] in f64.
    package let image: Tensor
    /// Nil where the last layer's gradient does not tell; see ``LabelRecovery``.
    package let label: Int?
  }

  /// The first layer's parameters, by their indices in the model.
  struct FirstLayer: Sendable {
    let weight: Int
    let bias: Int
    /// How its weight is stored.
    let classifier: Model.Classifier

    /// - Throws: ``AttackError`` when the weight is stored as [inputs, units].
    func requireUsualOrder(_ attack: String) throws(AttackError) {
      guard !classifier.isTransposed else {
        throw AttackError(
          "\(attack) reads a first layer's weight as [units, inputs], and this model stores it as "
            + "[inputs, units]; use the attack auto")
      }
    }
  }

  let layer: FirstLayer
  /// What comes before the layer; nil where it reads the examples themselves.
  let front: AffineFront?
  private let model: Model

  /// The layer that reads the examples themselves, or what an affine map makes of them.
  ///
  /// - Throws: ``AttackError`` when there is none, or the backend fails.
  package init(_ weighted: WeightedModel, backend: any Backend) throws(AttackError) {
    let model = weighted.model
    if let direct = try AttackError.ifApplicable({ () throws(AttackError) in
      try LinearLayerLeak(model: model)
    }) {
      self = direct
      return
    }
    let (graph, data) = try model.probeGraph()
    let reader = LayerReader(graph: graph, parameters: model.parameters)
    guard model.normalization == nil,
      let (product, layer) = AffineFront.firstLayer(graph, reader, data: data),
      let bias = layer.bias
    else {
      // Why it is not, for people.
      self = try LinearLayerLeak(model: model)
      return
    }
    self.model = model
    self.layer = FirstLayer(weight: layer.weight, bias: bias, classifier: layer)
    front = try AffineFront(
      weighted, graph, output: graph[product].operands[0], backend: backend)
  }

  /// The layer that reads the examples themselves.
  ///
  /// - Throws: ``AttackError`` when the model does not begin with a fully connected layer with bias.
  package init(model: Model) throws(AttackError) {
    let (graph, data) = try model.probeGraph()
    let reader = LayerReader(graph: graph, parameters: model.parameters)
    guard let product = LinearLayerLeak.firstProduct(graph, data: data),
      let layer = reader.linearLayer(startingAt: product)
    else {
      throw AttackError(
        "\(model.name) does not begin with a fully connected layer, so no row of a gradient is a "
          + "multiple of the input (a convolution's sums over positions); try the model mlp, or "
          + "the attack peeling or dlg")
    }
    guard let bias = layer.bias else {
      throw AttackError(
        "the first layer of \(model.name) has no bias, whose gradient the closed form divides by; "
          + "use the attack auto")
    }
    self.model = model
    self.layer = FirstLayer(weight: layer.weight, bias: bias, classifier: layer)
    front = nil
  }

  /// - Throws: ``AttackError`` when the update comes from several examples, or the layer's gradient
  ///   vanishes or was not shared.
  package func reconstruct(_ update: SharedUpdate) throws(AttackError) -> Result {
    try update.requireOneExampleAlongGradients()
    guard let weightGradient = update.gradient(of: layer.weight),
      let factors = update.gradient(of: layer.bias)?.doubles
    else {
      throw AttackError(
        "the closed form needs the gradients of \(model.parameters[layer.weight].name) and "
          + "\(model.parameters[layer.bias].name), which were not both shared; use the attack auto")
    }
    let rows = layer.classifier.rows(of: weightGradient, classCount: factors.count)
    let squared = factors.reduce(0) { $0 + $1 * $1 }
    guard squared > 0, squared.isFinite else {
      throw AttackError(
        "the first layer's bias has no gradient (its units were all inactive), so the input cannot "
          + "be read off; use the attack auto")
    }
    let features = rows.count / factors.count
    var image = [Double](repeating: 0, count: features)
    for (row, factor) in factors.enumerated() {
      for feature in 0..<features { image[feature] += factor * rows[row * features + feature] }
    }
    image = image.map { $0 / squared }
    if let front {
      image = front.example(of: image[...])
    } else if let normalization = model.normalization {
      image = normalization.pixels(image, imageElements: features)
    }
    return Result(
      image: Tensor(Shape([1] + model.inputShape.dimensions), .f64(image)),
      label: try AttackError.ifApplicable { () throws(AttackError) in
        try LabelRecovery.singleLabel(of: update, model: model)
      })
  }

  /// The product that the data enter, when nothing but a change of shape comes before.
  private static func firstProduct(_ graph: Graph, data: NodeID) -> NodeID? {
    var reshaped: Set<NodeID> = [data]
    for (index, node) in graph.nodes.enumerated()
    where node.operands.contains(where: reshaped.contains) {
      switch node.op {
      case .structural(.reshape): reshaped.insert(NodeID(index))
      case .contraction(.matmul): return NodeID(index)
      case .input, .constant, .iota, .elementwise, .reduction, .contraction, .structural,
        .indexing:
        return nil
      }
    }
    return nil
  }
}

extension Model {
  /// The forward pass of input that is normalised already, of as many examples as the model is examined with; inputs are
  /// parameters, buffers, and the data last.
  func probeGraph() throws(AttackError) -> (graph: Graph, data: NodeID) {
    try withoutNormalization.forwardGraph(
      batchSize: probeBatchSize, mode: .evaluation, computing: \.logits)
  }
}
