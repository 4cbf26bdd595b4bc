import Clients
import TensorGraph

/// Which tokens a batch holds, read off the gradient of the token embedding: only the rows of tokens
/// that were looked up get any.
package struct BagOfWords: Sendable, Equatable {
  /// The tokens, ascending.
  package let tokens: [Int]
  /// Whether the embedding is also the model's last layer, whose gradient had to be told apart.
  package let isTied: Bool
  /// Whether no other token can occur: the rows of all others have no gradient at all, and no numbers are missing from the rows of
  /// these, as they are where a client shares large ones only or rounds small ones away.
  package var excludesOthers = false

  /// - Returns: nil when the update lacks the gradient, or a tied one does not tell its parts apart.
  /// - Throws: ``AttackError`` when the backend fails.
  package static func read(
    _ update: TextUpdate, model: TextModel, backend: any Backend
  ) throws(AttackError) -> BagOfWords? {
    guard let gradient = update.gradients[model.names.tokenEmbedding] else { return nil }
    let norms = (0..<gradient.shape[0]).map { row in
      gradient.row(row).reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    let isTied =
      model.configuration.tiesEmbeddings && model.configuration.head.predictsTokens
    guard isTied else {
      // Dust, as of noise that a framework adds to nothing, is far below any token's share.
      let floor = max(1e-9 * (norms.max() ?? 0), noiseFloor(norms, width: gradient.shape[1]))
      let tokens = norms.indices.filter { norms[$0] > floor }
      guard !tokens.isEmpty else { return nil }
      return BagOfWords(
        tokens: tokens, isTied: false, excludesOthers: areOthersEmpty(gradient, norms, tokens))
    }
    return try AttackError.naming("the token embedding", "read") { () throws(GraphError) in
      try tied(gradient, norms, backend: backend)
    }
  }

  /// Of the largest row: below it is what sums leave in place of 0.
  private static let emptyRow = 1e-12

  private static func areOthersEmpty(_ gradient: Tensor, _ norms: [Double], _ tokens: [Int]) -> Bool
  {
    let limit = emptyRow * (norms.max() ?? 0)
    let occurring = Set(tokens)
    guard norms.indices.allSatisfy({ occurring.contains($0) || norms[$0] <= limit }) else {
      return false
    }
    // By chance no number is 0.
    return tokens.allSatisfy { !gradient.row($0).contains(0) }
  }

  /// As the last layer, the embedding gets a share of the final states on every row. Those span few
  /// directions, which the rows of tokens that do not occur show; what a row has besides comes from the
  /// token's own place in the input.
  private static func tied(
    _ gradient: Tensor, _ norms: [Double], backend: any Backend
  ) throws(GraphError) -> BagOfWords? {
    let width = gradient.shape[1]
    let order = norms.indices.sorted { norms[$0] < norms[$1] }
    let bulk = order.filter { norms[$0] > 0 }.prefix(max(norms.count / 2, 1)).prefix(4 * width)
    guard bulk.count >= width else { return nil }
    let rows = bulk.flatMap { row -> [Double] in
      let scale = 1 / norms[row]
      return gradient.row(row).map { $0 * scale }
    }
    let builder = GraphBuilder()
    let input = builder.input("rows", [bulk.count, width], .f64)
    let gram = builder.build(outputs: [input.matmul(input, transposeA: true)])
    let product = try backend.evaluate(gram, [Tensor([bulk.count, width], .f64(rows))])[0]
    let matrix = HostBuffer(product)
    guard let values = backend.linearAlgebra.symmetricEigenvalues(matrix, vectors: true),
      let largest = values.last, largest > 0
    else { return nil }
    // Eigenvalues are squares: rounding of f32 shows at its square.
    let free = values.prefix { $0 < 1e-9 * largest }.count
    guard free >= 1 else { return nil }
    let vectors = matrix.pointer(as: Double.self)
    var tokens: [Int] = []
    for row in norms.indices where norms[row] > 0 {
      let elements = gradient.row(row)
      var outside = 0.0
      for direction in 0..<free {
        var product = 0.0
        for column in 0..<width {
          product += vectors[direction * width + column] * elements[column]
        }
        outside += product * product
      }
      if outside.squareRoot() > 1e-3 * norms[row] { tokens.append(row) }
    }
    return BagOfWords(tokens: tokens, isTied: true)
  }
}

extension TextHead {
  /// Whether the logits are of tokens.
  var predictsTokens: Bool {
    switch self {
    case .classification: false
    case .maskedLanguageModel, .languageModel: true
    }
  }
}

/// What rows without a share of their own have at most, where a client added noise to all: rows of equal
/// noise are of nearly equal length. 0 without noise.
private func noiseFloor(_ norms: [Double], width: Int) -> Double {
  let sorted = norms.sorted()
  // Five standard deviations of the length of `width` normal numbers, relative to its mean.
  let spread = 5 / Double(2 * width).squareRoot()
  guard let least = sorted.first, least > 0, sorted.count >= 8,
    sorted[sorted.count / 2] < (1 + 2 * spread) * least
  else { return 0 }
  return (1 + spread) * sorted[sorted.count / 2]
}

/// Rows of an embedding's gradient that have any, above noise on all of them; nil for none.
func usedRows(_ gradient: Tensor) -> [Int]? {
  let norms = (0..<gradient.shape[0]).map { row in
    gradient.row(row).reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
  let floor = max(1e-12 * (norms.max() ?? 0), noiseFloor(norms, width: gradient.shape[1]))
  let used = norms.indices.filter { norms[$0] > floor }
  return used.isEmpty ? nil : used
}

/// How many positions a batch uses: those whose embedding has a gradient.
func usedPositions(_ update: TextUpdate, model: TextModel) -> Int? {
  update.gradients[model.names.positionEmbedding].flatMap { usedRows($0)?.last.map { $0 + 1 } }
}
