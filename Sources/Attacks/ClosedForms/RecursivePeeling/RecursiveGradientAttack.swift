import Clients
import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One example through a chain without biases; see `RecursiveGradientAttack`.
public struct RGapAttack: ClosedFormAttack {
  /// `r-gap`.
  public let descriptor = AttackDescriptor(
    name: .rGap, summary: "closed form for a chain without biases and one logit",
    paper: "Zhu and Blaschko 2021, arXiv 2010.07733", needs: AttackNeed.gradient,
    category: .informedEavesdropper, searches: false)

  /// The attack; it has no options.
  public init() {}

  /// Solves layer after layer, weight and gradient constraints together.
  public func solve(
    _ problem: AttackProblem, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    let (weighted, update) = (problem.weighted, problem.update)
    guard update.batchSize == 1 else {
      throw AttackError(
        "R-GAP reads one example off a gradient, and this one is the mean of \(update.batchSize); "
          + "use the attack auto")
    }
    try problem.requireEveryGradient("R-GAP")
    let result = try RecursiveGradientAttack(model: weighted.model, backend: problem.backend)
      .reconstruct(
        parameters: weighted.parameters, buffers: weighted.buffers, gradients: update.gradients)
    return ClosedFormSolution(result, labels: result.labels)
  }
}

/// R-GAP in its own set-up (Zhu & Blaschko 2021, arXiv 2010.07733, section 3): a chain of layers
/// without bias that ends in one logit f, and the logistic loss log(1 + exp(-y f)) with y = ±1.
///
/// Without a bias the cotangent k of the logit is not shared. But the last layer's gradient is k h with
/// f = ⟨W, h⟩, so that ⟨∂ℓ/∂W, W⟩ = k f = -μ / (1 + eᵘ) for μ = y f: an equation in one unknown. From
/// there the recursion is ``LayerPeeling``'s.
///
/// The equation has one solution for μ < 0 (a wrong prediction) and two for μ > 0. With leaky ReLU and
/// no biases both belong to a batch with this very gradient, one a multiple of the other: the paper's
/// "twin data". The one whose pixels are in 0...1 is taken. Both signs of y are tried, and the one whose
/// equations fit is kept; the authors' program is told y.
package struct RecursiveGradientAttack: Sendable {
  private let peeling: LayerPeeling
  /// Index of the last layer's weight.
  private let weight: Int

  /// - Throws: ``AttackError`` when the model is not of this form.
  package init(model: Model, backend: any Backend) throws(AttackError) {
    peeling = try LayerPeeling(model: model, backend: backend) { graph throws(AttackError) in
      guard model.classCount == 2, let logit = graph.binaryLogit else {
        throw AttackError(
          "R-GAP needs a model with a single logit and no bias in its last layer, and \(model.name) "
            + "has \(model.classCount) classes; use the model cnn6, or the attack peeling")
      }
      return logit
    }
    guard
      case .contraction(_, _, let parameter)? = peeling.chain.links.first(where: \.isContraction)
    else { throw AttackError("\(model.name) has no layer whose gradient R-GAP could start from") }
    weight = parameter
  }

  package func reconstruct(
    parameters: [Tensor], buffers: [Tensor], gradients: [Tensor]
  ) throws(AttackError) -> LayerPeeling.Result {
    let product = zip(gradients[weight].doubles, parameters[weight].doubles)
      .reduce(0) { $0 + $1.0 * $1.1 }
    let margins = RecursiveGradientAttack.margins(product: product)
    guard !margins.isEmpty else {
      throw AttackError(
        "the last layer's gradient does not come from a logistic loss of one example (its product "
          + "with the weights is \(product), below the least possible -0.2785); R-GAP needs a batch "
          + "of one")
    }
    var best: (result: LayerPeeling.Result, rank: Double)?
    for margin in margins {
      for sign in [1.0, -1.0] {
        let start = LayerPeeling.Start(
          cotangent: Tensor([1, 1], .f64([-sign / (1 + exp(margin))])),
          value: Tensor([1, 1], .f64([sign * margin])), labels: [sign > 0 ? 1 : 0])
        let result = try peeling.reconstruct(
          from: start, parameters: parameters, buffers: buffers, gradients: gradients)
        let rank = RecursiveGradientAttack.misfit(result)
        if rank < best?.rank ?? .infinity { best = (result, rank) }
      }
    }
    guard let best else {
      throw AttackError("the layers' equations have no finite solution; use the attack auto")
    }
    return best.result
  }

  /// All μ with -μ / (1 + eᵘ) = product.
  static func margins(product: Double) -> [Double] {
    func value(_ margin: Double) -> Double { -margin / (1 + exp(margin)) }
    // The minimum, where eᵘ (μ - 1) = 1.
    let turn = 1.278_464_542_761_074
    guard product >= value(turn), product.isFinite else { return [] }
    func bisect(_ low: Double, _ high: Double) -> Double {
      var (low, high) = (low, high)
      let rises = value(low) < value(high)
      for _ in 0..<200 {
        let middle = (low + high) / 2
        if (value(middle) < product) == rises { low = middle } else { high = middle }
      }
      return (low + high) / 2
    }
    // For μ < 0 the value is at least -μ / 2.
    let falling = bisect(min(-2 * max(product, 0), 0) - 1, turn)
    return product < 0 ? [falling, bisect(turn, 700)] : [falling]
  }

  /// How badly the equations fit; among fits to rounding, how far pixels are from 0...1.
  private static func misfit(_ result: LayerPeeling.Result) -> Double {
    let residual = result.layers.map(\.relativeResidual).max() ?? .infinity
    let pixels = result.images.doubles
    let excess = pixels.reduce(0) { $0 + max(0, -$1, $1 - 1) } / Double(max(pixels.count, 1))
    guard residual.isFinite, excess.isFinite else { return .infinity }
    return (residual < 1e-6 ? 0 : 1e6 * residual) + excess
  }
}

extension LayerChain.Link {
  var isContraction: Bool {
    switch self {
    case .contraction: true
    case .structural, .elementwise: false
    }
  }
}

extension Graph {
  /// The value f of logits (0, f), whose softmax cross entropy is the logistic loss of f.
  var binaryLogit: NodeID? {
    guard case .structural(.concatenate) = self[outputs[0]].op else { return nil }
    let operands = self[outputs[0]].operands
    guard operands.count == 2, self[operands[1]].shape == [1, 1] else { return nil }
    return operands[1]
  }
}
