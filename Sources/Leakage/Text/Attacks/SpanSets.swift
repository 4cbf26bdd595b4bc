import TensorGraph

/// The tokens that may stand at each position, and what they were chosen from.
struct SpanSets {
  /// For each position the tokens whose first attention input lies in the span.
  let tokens: [[Int]]
  /// Tokens that were checked at each position.
  let checked: Int
  /// The largest distance of those kept.
  let largestResidual: Double

  /// - Parameters:
  ///   - length: positions in use; nil to go on until nothing fits.
  ///   - shouldStop: asked between positions.
  static func find(
    _ screen: TokenScreen, checked: Int, length: Int?, limit: Int, batchSize: Int,
    shouldStop: () -> Bool
  ) throws(AttackError) -> SpanSets {
    var tokens: [[Int]] = []
    var largest = 0.0
    while tokens.count < min(length ?? limit, limit), !shouldStop() {
      let found = screen.candidates(at: tokens.count)
      if found.isEmpty, length == nil { break }
      // At most as many tokens as texts can stand at a position; members are far nearer than others.
      let kept = found.prefix(batchSize)
      largest = max(largest, kept.last?.residual ?? 0)
      tokens.append(kept.map(\.token))
    }
    return SpanSets(tokens: tokens, checked: checked, largestResidual: largest)
  }
}
