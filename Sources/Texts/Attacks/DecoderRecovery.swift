import Clients
import TensorGraph

/// Puts a causal decoder's texts together, token by token: what the second layer reads at a position
/// depends on the tokens up to it alone, so that each right beginning is known by itself (Petrov et al.
/// 2024, section 3.3 and algorithm 2).
struct DecoderRecovery {
  let sets: SpanSets
  let screen: ContextScreen
  let tolerance: Double
  let batchSize: Int

  /// Beginnings that are kept at most, as multiples of the batch size.
  private static let beamFactor = 8

  /// The texts whose every beginning fits, and the beginnings of which no continuation does.
  func texts(shouldStop: () -> Bool) throws(AttackError) -> [[Int]] {
    var complete: [[Int]] = []
    var open: [[Int]] = (sets.tokens.first ?? []).map { [$0] }
    for position in 1..<max(sets.tokens.count, 1) {
      if shouldStop() { break }
      let extended = open.flatMap { prefix in sets.tokens[position].map { prefix + [$0] } }
      guard !extended.isEmpty else { break }
      let residuals = try screen.residuals(extended).map { $0[position] }
      var kept = zip(extended, residuals).filter { $0.1 <= tolerance }
      kept.sort { $0.1 < $1.1 }
      let next = kept.prefix(DecoderRecovery.beamFactor * batchSize).map(\.0)
      let continued = Set(next.map { Array($0.dropLast()) })
      complete += open.filter { !continued.contains($0) }
      open = next.sorted { $0.lexicographicallyPrecedes($1) }
    }
    let texts = complete + open
    guard texts.count > batchSize else { return texts }
    // Wrong turns end soon, at a token that is further from the span than those of right texts.
    let worst = try screen.residuals(texts).map { $0.max() ?? 0 }
    return texts.indices.sorted { (worst[$0], $0) < (worst[$1], $1) }.prefix(batchSize)
      .map { texts[$0] }
  }
}
