import Clients
import TensorGraph

/// The tokens that may stand at each position: those whose first attention input lies in the span.
///
/// Besides the batch's own there are others. Where a token stands at two positions, any token of one of
/// these could stand at the other as well: embeddings are sums, e(v, p) = e(v, q) + e(w, p) - e(w, q), up
/// to what normalisation does to lengths. Only the context tells these apart.
struct SpanSets {
  /// For each position the candidates, nearest first.
  let candidates: [[TokenScreen.Candidate]]
  /// For each position the candidates that are kept.
  let tokens: [[Int]]
  /// Tokens that were checked at each position.
  let checked: Int
  /// Positions of tokens that are known to stand there alone.
  var known: [Int: Int] = [:]
  /// Whether texts are padded to one length with tokens that are attended to as all others are.
  var isPadded = false

  /// - Parameters:
  ///   - segments: those that tokens may be in.
  ///   - length: positions in use; nil to go on until nothing fits.
  ///   - shouldStop: asked between positions.
  static func find(
    _ screen: TokenScreen, segments: [Int], checked: Int, length: Int?, limit: Int,
    shouldStop: () -> Bool
  ) throws(AttackError) -> SpanSets {
    var candidates: [[TokenScreen.Candidate]] = []
    while candidates.count < min(length ?? limit, limit), !shouldStop() {
      let found = try screen.candidates(at: candidates.count, segments: segments)
      if found.isEmpty, length == nil { break }
      candidates.append(found)
    }
    return SpanSets(
      candidates: candidates, tokens: candidates.map { $0.map(\.token) }, checked: checked)
  }

  /// The candidates whose distance is at most `factor` times what is usual for the nearest of a
  /// position, at most `count` at each.
  func within(_ factor: Double, count: Int) -> SpanSets {
    let nearest = candidates.compactMap { $0.first?.residual }.sorted()
    let usual = nearest.isEmpty ? 0 : nearest[nearest.count / 2]
    // Below this it is rounding in any precision.
    let limit = max(factor * usual, 1e-7)
    let kept = candidates.enumerated().map { position, found in
      found.enumerated().filter { $0.offset == 0 || $0.element.residual <= limit }
        .map(\.element).filter { known[$0.token] ?? position == position }
        .prefix(count).map(\.self)
    }
    return SpanSets(
      candidates: kept, tokens: kept.map { $0.map(\.token) }, checked: checked, known: known,
      isPadded: isPadded)
  }
}
