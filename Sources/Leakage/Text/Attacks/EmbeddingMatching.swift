import TensorGraph

/// Reads one text off the gradients of the token and position embeddings.
///
/// Both get the same gradient δₚ of the sum that enters the model at position p: the position's row is
/// δₚ itself, and a token's row is the sum of δₚ over the positions where it stands. Writing a token's
/// row as a combination of the position rows gives coefficients of 1 at its positions and 0 elsewhere.
enum EmbeddingMatching {
  /// - Returns: the tokens in order, or nil when the gradients do not determine them.
  static func read(
    _ update: TextUpdate, model: TextModel, bag: BagOfWords, length: Int,
    algebra: any LinearAlgebra
  ) -> [Int]? {
    guard update.batchSize == 1, !bag.isTied,
      let positions = update.gradients[model.names.positionEmbedding],
      let words = update.gradients[model.names.tokenEmbedding]
    else { return nil }
    let rows = (0..<length).map { positions.row($0) }
    // Rows of very different lengths would make the system worse than it is.
    let norms = rows.map { SpanCoefficients.product($0, $0).squareRoot() }
    guard norms.allSatisfy({ $0 > 0 }) else { return nil }
    let scaled = zip(rows, norms).map { row, norm in row.map { $0 / norm } }
    guard let solve = SpanCoefficients(scaled, algebra: algebra) else { return nil }
    var best = [(token: Int, coefficient: Double)](repeating: (0, -.infinity), count: length)
    for token in bag.tokens {
      let coefficients = solve(words.row(token))
      for position in 0..<length {
        let coefficient = coefficients[position] / norms[position]
        if coefficient > best[position].coefficient { best[position] = (token, coefficient) }
      }
    }
    // The caller checks the text's own gradient; this only refuses what is plainly none.
    return best.allSatisfy { $0.coefficient > 0.5 } ? best.map(\.token) : nil
  }
}
