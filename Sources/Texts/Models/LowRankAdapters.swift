import Clients
import Solvers
import TensorGraph

/// Adapters of low rank beside frozen weights (LoRA: Hu et al. 2021, arXiv 2106.09685, section 4.1): a
/// layer computes W x + s B A x, and only A [rank, in] and B [out, rank] are trained.
///
/// With the weight W' = W + s B A in its place, the gradient of B is s ∂L/∂W' Aᵀ, and that of A is
/// s Bᵀ ∂L/∂W'. A is random and B is 0 at first, when A gets no gradient.
package struct LowRankAdapters: Sendable {
  package let rank: Int
  /// The factor s, α / rank.
  package let scale: Double
  /// A for each adapted weight, by the weight's name.
  let reductions: [String: Tensor]
  /// B [out, rank] for each adapted weight; empty while all are 0.
  let expansions: [String: Tensor]

  /// The usual choice of PEFT, 2 rank / rank.
  package static let usualScale = 2.0

  /// Adapters as Hugging Face's PEFT puts them beside the queries and values of BERT, and the joint
  /// projection of GPT-2, with A drawn from the uniform distribution of a fully connected layer.
  ///
  /// - Throws: ``AttackError`` when the rank is above the model's width.
  package init(
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
    expansions = [:]
    reductions = Dictionary(
      uniqueKeysWithValues: names.map { name in
        var source = RandomSource(seed: seed).derive(label: "adapter " + name)
        let elements = (0..<rank * width).map { _ in
          Float(source.uniform(in: -bound..<bound))
        }
        return (name, Tensor([rank, width], .f32(elements)))
      })
  }

  /// Adapters that exist.
  ///
  /// - Parameters:
  ///   - reductions: A [rank, in] for each adapted weight.
  ///   - expansions: B [out, rank] for the same weights.
  init(
    rank: Int, scale: Double, reductions: [String: Tensor], expansions: [String: Tensor]
  ) {
    precondition(
      reductions.keys.sorted() == expansions.keys.sorted(), "adapters with one layer alone")
    self.rank = rank
    self.scale = scale
    self.reductions = reductions
    let isFresh = expansions.values.allSatisfy { $0.squaredNorm == 0 }
    self.expansions = isFresh ? [:] : expansions
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

  /// The gradient of A [rank, in] from that of its weight; nil while B is 0.
  ///
  /// - Parameter inputsAreRows: whether the weight is [in, out] instead of [out, in].
  func reductionGradient(_ name: String, of weight: Tensor, inputsAreRows: Bool) -> Tensor? {
    guard let expansion = expansions[name], let reduction = reductions[name] else { return nil }
    let (width, all) = (reduction.shape[1], weight.doubles)
    let outputs = expansion.shape[0]
    let factors = expansion.doubles
    var elements = [Double](repeating: 0, count: rank * width)
    for output in 0..<outputs {
      for row in 0..<rank {
        let factor = scale * factors[output * rank + row]
        guard factor != 0 else { continue }
        for column in 0..<width {
          elements[row * width + column] +=
            factor * (inputsAreRows ? all[column * outputs + output] : all[output * width + column])
        }
      }
    }
    return Tensor([rank, width], weight.dtype, elements)
  }

  /// A weight with its adapter added, W + s B A.
  func merged(_ name: String, into weight: Tensor, inputsAreRows: Bool) -> Tensor {
    guard let expansion = expansions[name], let reduction = reductions[name] else { return weight }
    let (outputs, width) = (expansion.shape[0], reduction.shape[1])
    var elements = weight.doubles
    let rows = (0..<rank).map { reduction.row($0) }
    for output in 0..<outputs {
      for (factor, row) in zip(expansion.row(output), rows) where factor != 0 {
        for column in 0..<width {
          elements[inputsAreRows ? column * outputs + output : output * width + column] +=
            scale * factor * row[column]
        }
      }
    }
    return Tensor(weight.shape, weight.dtype, elements)
  }
}

/// The gradients of a client that trains adapters, by the names of the model's weights.
struct AdaptedGradients {
  /// Of parameters that are trained as they are: the classification layer's, as PEFT does it.
  var own: [String: Tensor] = [:]
  /// Of the adapters' second layers B.
  var expansions: [String: Tensor] = [:]
  /// Of the adapters' first layers A; empty while B is 0.
  var reductions: [String: Tensor] = [:]
}

extension TextModel {
  /// Whether a weight is [in, out], as GPT-2's `Conv1D` layers are, instead of [out, in].
  func inputsAreRows(_ name: String) -> Bool {
    configuration.architecture == .gpt2 && name.hasPrefix("transformer.h.")
  }

  /// Whether a client that trains adapters trains this parameter besides.
  func isTrainedBesideAdapters(_ name: String) -> Bool {
    name.hasPrefix("classifier.") || name.hasPrefix("score.")
  }

  /// The gradients that a client shares whose weights are frozen but for its adapters and, as PEFT
  /// trains it, the classification layer.
  func adapterGradients(
    _ gradients: [String: Tensor], _ adapters: LowRankAdapters
  ) -> AdaptedGradients {
    var result = AdaptedGradients()
    result.own = gradients.filter {
      isTrainedBesideAdapters($0.key) && adapters.reductions[$0.key] == nil
    }
    for name in adapters.reductions.keys {
      guard let gradient = gradients[name] else { continue }
      let areRows = inputsAreRows(name)
      result.expansions[name] = adapters.gradient(name, of: gradient, inputsAreRows: areRows)
      result.reductions[name] = adapters.reductionGradient(
        name, of: gradient, inputsAreRows: areRows)
    }
    return result
  }
}
