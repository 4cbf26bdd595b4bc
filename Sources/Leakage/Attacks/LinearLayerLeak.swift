import TensorGraph

/// The input of a fully connected first layer, straight from its gradient.
///
/// With y = W x + b, ∂ℓ/∂W = (∂ℓ/∂y) xᵀ and ∂ℓ/∂b = ∂ℓ/∂y: row i of the weight's gradient is the private
/// input times component i of the bias's (Geiping et al. 2020, arXiv 2003.14053, Proposition 3.1). All
/// rows are used, x = Σᵢ bᵢ Wᵢ / Σᵢ bᵢ², which is the least-squares solution.
///
/// For a convolution the argument fails: its weight's gradient sums over all positions, so that no row
/// is a multiple of the input.
public struct LinearLayerLeak: Sendable {
  public struct Result: Sendable {
    /// [1, C, H, W] in f64.
    public let image: Tensor
    public let label: Int
  }

  /// The first layer's parameters, by their indices in the model.
  struct FirstLayer: Sendable {
    let weight: Int
    let bias: Int
  }

  let layer: FirstLayer
  private let model: Model

  /// - Throws: ``AttackError`` when the model does not begin with a fully connected layer with bias.
  public init(model: Model) throws(AttackError) {
    let builder = GraphBuilder()
    let parameters = model.parameters.map { builder.input($0.name, $0.shape, .f64) }
    let buffers = model.buffers.map { builder.input($0.name, $0.shape, .f64) }
    let data = builder.input("data", Shape([1] + model.inputShape.dimensions), .f64)
    let logits = model.forward(data, parameters: parameters, buffers: buffers)
    let graph = builder.build(outputs: [logits])
    guard let weight = LinearLayerLeak.firstWeight(graph, data: parameters.count + buffers.count)
    else {
      throw AttackError(
        "\(model.name) does not begin with a fully connected layer, so no row of a gradient is a "
          + "multiple of the input (a convolution's sums over positions); try --model mlp, or "
          + "--attack peeling or dlg")
    }
    let biasName = model.parameters[weight].name.replacingSuffix("weight", with: "bias")
    guard let bias = model.parameters.firstIndex(where: { $0.name == biasName }) else {
      throw AttackError(
        "the first layer of \(model.name) has no bias, whose gradient the closed form divides by; "
          + "use --attack auto")
    }
    self.model = model
    layer = FirstLayer(weight: weight, bias: bias)
  }

  /// - Throws: ``AttackError`` when the update comes from several examples, or its gradient vanishes.
  public func reconstruct(_ update: SharedUpdate) throws(AttackError) -> Result {
    let label = try LabelRecovery.singleLabel(of: update, model: model)
    let rows = update.gradients[layer.weight].doubles
    let factors = update.gradients[layer.bias].doubles
    let squared = factors.reduce(0) { $0 + $1 * $1 }
    guard squared > 0, squared.isFinite else {
      throw AttackError(
        "the first layer's bias has no gradient (its units were all inactive), so the input cannot "
          + "be read off; use --attack auto")
    }
    let features = rows.count / factors.count
    var image = [Double](repeating: 0, count: features)
    for (row, factor) in factors.enumerated() {
      for feature in 0..<features { image[feature] += factor * rows[row * features + feature] }
    }
    return Result(
      image: Tensor(
        Shape([1] + model.inputShape.dimensions), .f64(image.map { $0 / squared })),
      label: label)
  }

  /// Index of the weight that multiplies the data, when nothing but rearrangement comes before.
  private static func firstWeight(_ graph: Graph, data: Int) -> Int? {
    var rearranged: Set<Int> = []
    for (index, node) in graph.nodes.enumerated() {
      if case .input(data, _) = node.op { rearranged.insert(index) }
      let fromData = node.operands.filter { rearranged.contains($0.index) }
      guard !fromData.isEmpty else { continue }
      switch node.op {
      case .reshape, .transpose:
        rearranged.insert(index)
      case .matmul:
        let other = node.operands.first { !rearranged.contains($0.index) }
        guard let other, case .input(let weight, _) = graph[other].op else { return nil }
        return weight
      default:
        return nil
      }
    }
    return nil
  }
}

extension String {
  fileprivate func replacingSuffix(_ suffix: String, with other: String) -> String {
    hasSuffix(suffix) ? dropLast(suffix.count) + other : self
  }
}
