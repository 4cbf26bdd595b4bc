import Clients
import Solvers
import TensorGraph

/// Puts an encoder's texts together, each from a token that no text has yet.
///
/// The tokens that stand with it are found by ``ContextRelaxation``. What the second layer reads depends
/// on the whole text, and lies the further from the span the more tokens are wrong: where the first
/// step errs, tokens are exchanged one position after the other for those that bring the text nearest
/// to the span.
struct EncoderRecovery {
  let sets: SpanSets
  let relaxation: ContextRelaxation?
  let screen: ContextScreen
  let tolerance: Double
  let batchSize: Int
  /// The tokens that end a text, such as `[SEP]`; empty where texts end anyhow.
  let ending: [Int]
  let seed: UInt64

  /// Random starts at most, after every token has been tried.
  private static let randomStarts = 12
  private static let sweeps = 4
  /// Tokens that a text is built around at most.
  private static let anchorLimit = 100

  /// The texts that were found, at most as many as the batch has.
  ///
  /// - Parameter observe: called with the texts so far and the present one; may stop the search.
  func texts(
    observe: ([[Int]], [Int]) -> SolverDecision
  ) throws(AttackError) -> [[Int]] {
    var texts: [[Int]] = []
    var isStopped = false
    func check(_ text: [Int]) throws(AttackError) {
      let worst = try screen.residuals([text])[0].max() ?? .infinity
      if worst <= tolerance, !texts.contains(text) { texts.append(text) }
      if case .stop = observe(texts, text) { isStopped = true }
    }
    guard !possibleLengths.isEmpty else { return [] }
    var nearMisses: [[Int]] = []
    let ways = relaxation?.isOverdetermined == true ? [false, true] : [true]
    let tries = ways.flatMap { isBounded in anchors.map { (anchor: $0, isBounded) } }
    for (anchor, isBounded) in tries where texts.count < batchSize && !isStopped {
      let isCovered = texts.contains {
        $0.count > anchor.position && $0[anchor.position] == anchor.token
      }
      guard !isCovered, let text = relaxed(anchor, isBounded), !nearMisses.contains(text) else {
        continue
      }
      let before = texts.count
      try check(text)
      if texts.count == before { nearMisses.append(text) }
    }
    var source = RandomSource(seed: seed).derive(label: "encoder")
    let starts =
      nearMisses.prefix(EncoderRecovery.randomStarts)
      + (0..<EncoderRecovery.randomStarts).compactMap { _ in randomText(&source) }
    for start in starts where texts.count < batchSize && !isStopped {
      var text = start
      try descend(&text, &source)
      try check(text)
    }
    return texts
  }

  /// Every token at every position: first those that are known to stand there, then the nearest to the
  /// span, since what follows from others is further away. All texts share the first position.
  private var anchors: [(position: Int, token: Int)] {
    let all = sets.candidates.enumerated().flatMap { position, found in
      found.map { (position: position, token: $0.token, residual: $0.residual) }
    }
    return all.sorted {
      (rank($0.token, $0.position), $0.residual, $0.position)
        < (rank($1.token, $1.position), $1.residual, $1.position)
    }.prefix(EncoderRecovery.anchorLimit).map { ($0.position, $0.token) }
  }

  private func rank(_ token: Int, _ position: Int) -> Int {
    sets.known[token] == position ? 0 : (position == 0 ? 2 : 1)
  }

  private func randomText(_ source: inout RandomSource) -> [Int]? {
    let lengths = possibleLengths
    let length = lengths[source.integer(below: lengths.count)]
    guard sets.tokens[..<length].allSatisfy({ !$0.isEmpty }) else { return nil }
    let text = (0..<length - ending.count).map { position in
      sets.tokens[position][source.integer(below: sets.tokens[position].count)]
    }
    return text + ending
  }

  /// The text that the relaxation finds around a token; nil when it finds none that ends.
  private func relaxed(
    _ anchor: (position: Int, token: Int), _ isBounded: Bool
  ) -> [Int]? {
    guard let relaxation,
      let unit = relaxation.units.firstIndex(
        of: ContextRelaxation.Unit(position: anchor.position, token: anchor.token))
    else { return nil }
    let shares = relaxation.shares(anchor: unit, isBounded: isBounded)
    var best = [(token: Int, share: Double)](repeating: (0, 0), count: sets.tokens.count)
    for (unit, share) in zip(relaxation.units, shares) where share > best[unit.position].share {
      best[unit.position] = (unit.token, share)
    }
    // A text ends at the first ending; without endings, where no token has a share any more.
    let end =
      possibleLengths.first { best[$0 - 1].token == ending.last && best[$0 - 1].share > 0.5 }
      ?? (ending.isEmpty ? best.prefix { $0.share > 0.5 }.count : nil)
    guard let end, end > anchor.position else { return nil }
    return best.prefix(end).map(\.token)
  }

  /// Lengths that a text may have: up to a position where the ending fits.
  private var possibleLengths: [Int] {
    let all = Array(1...max(sets.tokens.count, 1))
    guard let last = ending.last else { return all }
    return all.filter { length in
      length >= ending.count && sets.tokens.count >= length
        && sets.tokens[length - 1].contains(last)
    }
  }

  /// Exchanges tokens until no exchange brings the text nearer.
  private func descend(
    _ text: inout [Int], _ source: inout RandomSource
  ) throws(AttackError) {
    var best = distance(try screen.residuals([text])[0])
    for _ in 0..<EncoderRecovery.sweeps {
      let before = best
      for position in source.permutation(of: max(text.count - ending.count, 0))
      where sets.tokens[position].count > 1 {
        let choices = sets.tokens[position].filter { $0 != text[position] }
        let changed = choices.map { token in
          var candidate = text
          candidate[position] = token
          return candidate
        }
        for (candidate, residuals) in zip(changed, try screen.residuals(changed)) {
          let value = distance(residuals)
          if value < best { (best, text) = (value, candidate) }
        }
        if best <= tolerance * tolerance { return }
      }
      if best >= before { return }
    }
  }

  /// The mean of squared distances over the tokens.
  private func distance(_ residuals: [Double]) -> Double {
    residuals.reduce(0) { $0 + $1 * $1 } / Double(max(residuals.count, 1))
  }
}
