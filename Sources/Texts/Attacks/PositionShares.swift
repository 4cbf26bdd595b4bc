import TensorGraph

/// Which tokens of a batch stand at one position only, and where.
///
/// The gradient of a position's embedding is the sum of what its tokens get, and so is a token's over
/// its positions. Written as a combination of the tokens' gradients, a position's has a factor of 1 for
/// each token that stands there and nowhere else; tokens that stand at several positions blur the
/// factors, but little.
enum PositionShares {
  /// - Returns: the position of each token that stands at one alone; nil when the update does not tell.
  static func read(
    _ update: TextUpdate, model: TextModel, bag: BagOfWords?, length: Int?,
    algebra: any LinearAlgebra
  ) -> [Int: Int]? {
    guard let bag, !bag.isTied, let length,
      let words = update.gradients[model.names.tokenEmbedding],
      let places = update.gradients[model.names.positionEmbedding]
    else { return nil }
    let rows = bag.tokens.map { words.row($0) }
    let norms = rows.map { SpanCoefficients.product($0, $0).squareRoot() }
    let scaled = zip(rows, norms).map { row, norm in row.map { $0 / norm } }
    guard let solve = SpanCoefficients(scaled, algebra: algebra) else { return nil }
    var shares = [[Double]](repeating: [], count: bag.tokens.count)
    for position in 0..<length {
      for (index, factor) in solve(places.row(position)).enumerated() {
        shares[index].append(factor / norms[index])
      }
    }
    var found: [Int: Int] = [:]
    for (token, factors) in zip(bag.tokens, shares) {
      let ones = factors.indices.filter { abs(factors[$0] - 1) < 0.15 }
      let others = factors.indices.filter { abs(factors[$0]) >= 0.15 }
      if ones.count == 1, others == ones { found[token] = ones[0] }
    }
    return found
  }
}
