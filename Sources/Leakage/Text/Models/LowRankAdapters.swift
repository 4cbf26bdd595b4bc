import TensorGraph

/// Adapters of low rank beside frozen weights (LoRA: Hu et al. 2021, arXiv 2106.09685, section 4.1): a
/// layer computes W x + s B A x, and only A [rank, in] and B [out, rank] are trained.
///
/// A is random and B is 0 at first. Then the gradient of A is 0, and that of B is s ∂L/∂W Aᵀ.
public struct LowRankAdapters: Sendable {
  public let rank: Int
  /// The factor s, α / rank.
  public let scale: Double
  /// A for each adapted weight, by the weight's name.
  let reductions: [String: Tensor]

  /// The usual choice of PEFT, 2 rank / rank.
  public static let usualScale = 2.0

  /// Adapters as Hugging Face's PEFT puts them beside the queries and values of BERT, and the joint
  /// projection of GPT-2, with A drawn from the uniform distribution of a fully connected layer.
  ///
  /// - Throws: ``AttackError`` when the rank is above the model's width.
  public init(
    freshFor model: TextModel, rank: Int, scale: Double = usualScale, seed: UInt64
  ) throws(AttackError) {
    let width = model.configuration.width
    guard (1...width).contains(rank) else {
      throw AttackError(
        "adapters of rank \(rank) do not fit a model of \(width) features; give a rank from 1 to "
          + "\(width)")
    }
    self.rank = rank
    self.scale = scale
    // Uniform within ±1/√in: PyTorch's Kaiming initialisation with a = √5.
    let bound = 1 / Double(width).squareRoot()
    let names = (0..<model.configuration.layers).flatMap { layer -> [String] in
      let all = model.names.projections(layer: layer).names
      return all.count == 3 ? [all[0], all[2]] : all
    }
    reductions = Dictionary(
      uniqueKeysWithValues: names.map { name in
        var source = RandomSource(seed: seed).derive(label: "adapter " + name)
        let elements = (0..<rank * width).map { _ in
          Float(source.uniform(in: -bound..<bound))
        }
        return (name, Tensor([rank, width], .f32(elements)))
      })
  }

  /// The gradient of B [out, rank] from that of its weight.
  ///
  /// - Parameter inputsAreRows: whether the weight is [in, out] instead of [out, in].
  func gradient(_ name: String, of weight: Tensor, inputsAreRows: Bool) -> Tensor {
    guard let reduction = reductions[name] else { preconditionFailure("no adapter of \(name)") }
    let (width, all) = (reduction.shape[1], weight.doubles)
    let outputs = all.count / width
    let rows = (0..<rank).map { reduction.row($0) }
    var elements: [Double] = []
    elements.reserveCapacity(outputs * rank)
    for output in 0..<outputs {
      let row =
        inputsAreRows
        ? (0..<width).map { all[$0 * outputs + output] }
        : Array(all[output * width..<(output + 1) * width])
      for reduction in rows { elements.append(scale * SpanCoefficients.product(reduction, row)) }
    }
    return Tensor([outputs, rank], weight.dtype, elements)
  }
}

extension TextModel {
  /// The gradients that a client shares whose weights are frozen but for its adapters and, as PEFT
  /// trains it, the classification layer.
  func adapterGradients(
    _ gradients: [String: Tensor], _ adapters: LowRankAdapters
  ) -> (own: [String: Tensor], adapted: [String: Tensor]) {
    let inputsAreRows = names.projections(layer: 0).inputsAreRows
    let own = gradients.filter { $0.key.hasPrefix("classifier.") || $0.key.hasPrefix("score.") }
    var adapted: [String: Tensor] = [:]
    for name in adapters.reductions.keys {
      adapted[name] = gradients[name].map {
        adapters.gradient(name, of: $0, inputsAreRows: inputsAreRows)
      }
    }
    return (own, adapted)
  }
}
