import Clients
import TensorGraph

/// One example of a model that first makes a token of each of its inputs, straight from their gradient.
///
/// A number's token is x w + b with two vectors of its own, as an FT-Transformer has it (Gorishniy et al. 2021, arXiv 2106.11959,
/// section 3.3): with y = x w + b, ∂ℓ/∂w = x ∂ℓ/∂y and ∂ℓ/∂b = ∂ℓ/∂y, so that x = ⟨∂ℓ/∂w, ∂ℓ/∂b⟩ / |∂ℓ/∂b|², whatever follows.
/// A word's token is a row of a matrix, the product of inputs of 0 and 1 with it, and b: the same holds row by row. It is the rule of
/// a fully connected layer (Geiping et al. 2020, arXiv 2003.14053, Proposition 3.1) for each column by itself.
package struct ColumnTokens: Sendable {
  /// Weight and bias of one number of a token: its gradient is that of the bias, the weight's is x times that.
  private struct Pair: Sendable {
    let weight: MovedElements.Place
    let bias: MovedElements.Place
  }

  private let model: Model
  /// Of each input; empty where it has none.
  private let pairs: [[Pair]]

  /// What the tokens are is read off the model's graph.
  ///
  /// - Throws: ``AttackError`` when there is an input that neither has a token with a bias, nor is a word that zeros tell.
  package init(_ model: Model) throws(AttackError) {
    let (graph, data) = try model.probeGraph()
    let moved = MovedElements(graph, data: data, parameterCount: model.parameters.count)
    let count = model.inputShape.elementCount
    var pairs = [[Pair]](repeating: [], count: count)
    var used: Set<MovedElements.Place> = []
    guard graph[data].shape.elementCount == count else { throw Self.none(model) }
    for (terms, bias) in moved.biasedSums() {
      for place in terms.map(\.weight) + [bias] {
        // A vector that several tokens share has the sum of their gradients.
        guard used.insert(place).inserted else { throw Self.none(model) }
      }
      for term in terms { pairs[term.input].append(Pair(weight: term.weight, bias: bias)) }
    }
    let words = Set(model.words.flatMap(Array.init))
    guard pairs.indices.allSatisfy({ !pairs[$0].isEmpty || words.contains($0) }),
      pairs.contains(where: { !$0.isEmpty })
    else { throw Self.none(model) }
    (self.model, self.pairs) = (model, pairs)
  }

  private static func none(_ model: Model) -> AttackError {
    AttackError(
      "\(model.name) does not make a token of each of its inputs by a weight and a bias of its own; use the attack auto"
    )
  }

  /// The example, [1, C, H, W] in f64.
  ///
  /// - Throws: ``AttackError`` when the update comes from several examples, or a token's gradient vanishes or was not shared.
  package func reconstruct(_ update: SharedUpdate) throws(AttackError) -> Tensor {
    try update.requireOneExampleAlongGradients()
    var gradients: [Int: [Double]] = [:]
    for parameter in Set(pairs.joined().flatMap { [$0.weight.parameter, $0.bias.parameter] }) {
      guard let gradient = update.gradient(of: parameter) else {
        throw AttackError(
          "the closed form needs the gradient of \(model.parameters[parameter].name), which was not shared; use the attack auto"
        )
      }
      gradients[parameter] = gradient.doubles
    }
    func gradient(_ place: MovedElements.Place) -> Double {
      gradients[place.parameter]?[place.element] ?? 0
    }
    var example = [Double](repeating: 0, count: pairs.count)
    for (input, pairs) in pairs.enumerated() where !pairs.isEmpty {
      var (product, squared) = (0.0, 0.0)
      for pair in pairs {
        let slope = gradient(pair.bias)
        product += gradient(pair.weight) * slope
        squared += slope * slope
      }
      guard squared > 0, squared.isFinite else {
        throw AttackError(
          "the token of input \(input) has no gradient, so it cannot be read off; use the attack auto"
        )
      }
      example[input] = product / squared
    }
    try enterWords(update, &example)
    if let normalization = model.normalization {
      example = normalization.pixels(example, imageElements: example.count)
    }
    return Tensor(Shape([1] + model.inputShape.dimensions), .f64(example))
  }

  /// Words whose tokens have no bias: the one row of their matrix that has a gradient.
  private func enterWords(
    _ update: SharedUpdate, _ example: inout [Double]
  ) throws(AttackError) {
    let open = model.words.filter { $0.contains { pairs[$0].isEmpty } }
    guard !open.isEmpty else { return }
    let inputs = TouchedInputs(update, model)
    for block in open {
      let touched = block.filter { inputs.touched[$0] == true }
      guard touched.count == 1, block.allSatisfy({ inputs.touched[$0] != nil }) else {
        throw AttackError(
          "the zeros of the update do not tell which of the inputs \(block.lowerBound) to \(block.upperBound - 1) is 1; use the attack auto"
        )
      }
      for input in block { example[input] = input == touched[0] ? 1 : 0 }
    }
  }
}

extension Model {
  /// The inputs of each choice among several, of which one is 1.
  fileprivate var words: [Range<Int>] {
    inputStructure?.parts.compactMap { part in
      if case .choice(let inputs) = part { inputs } else { nil }
    } ?? []
  }
}

extension SharedUpdate {
  /// - Throws: ``AttackError`` unless the update is of one example and every step of it moved weights along gradients: a first layer
  ///   then moved by multiples of the one input.
  func requireOneExampleAlongGradients() throws(AttackError) {
    guard batchSize == 1 else {
      throw AttackError(
        "the closed form reads one example off a gradient, and this update comes from "
          + "\(batchSize); use the attack dlg or auto")
    }
    // Not where weights decay, or each number is divided by its own size.
    if let training, !training.rule.movesAlongGradients {
      try requireOneGradient("the linear layer's closed form")
    }
  }
}
