import Clients
import TensorGraph

/// Mends texts by what their own update says: tokens, ends and tails are exchanged while that brings the
/// update nearer to the shared one.
///
/// Where local steps or the rounding of weights blur the spans of DAGER, these still tell which tokens stand
/// where, but not always which stand together. The update does, and only its last step is
/// an exact test.
struct UpdateDescent {
  let sets: SpanSets
  let batchSize: Int
  /// The tokens that end a text, such as `[SEP]`; empty where texts end anyhow.
  let ending: [Int]

  /// Updates that are computed at most.
  static let evaluationLimit = 600
  /// Tokens that are tried at a position, the nearest to the span.
  private static let choices = 6

  /// As many texts as the batch has: those that were found, and others made of the tokens that they leave
  /// over, the nearest to the span first.
  func completed(_ found: [[Int]]) -> [[Int]] {
    var texts = Array(found.prefix(batchSize))
    while texts.count < batchSize {
      let free = ends.filter { end in !texts.contains { $0.count == end } }
      let longest = texts.contains { $0.count == sets.tokens.count } ? nil : ends.max()
      guard let end = longest ?? free.first ?? ends.first else { return texts }
      texts.append(
        (0..<end - ending.count).map { position in
          let left = sets.tokens[position].first { token in
            !texts.contains { $0.count > position && $0[position] == token }
          }
          return left ?? sets.tokens[position][0]
        } + ending)
    }
    return texts
  }

  /// Numbers of tokens that a text may have, the likeliest first.
  private var ends: [Int] {
    guard let last = ending.last else { return sets.tokens.isEmpty ? [] : [sets.tokens.count] }
    let found = sets.candidates.enumerated().compactMap { position, candidates in
      candidates.first { $0.token == last }.map { (count: position + 1, residual: $0.residual) }
    }
    return found.filter { $0.count > ending.count }
      .sorted { ($0.residual, $0.count) < ($1.residual, $1.count) }.map(\.count)
  }

  /// The texts that no exchange brings nearer, or the best when the limit was reached.
  ///
  /// - Parameter score: how far some texts' update is from the shared one, and whether rounding explains it;
  ///   nil ends the search.
  func descend(
    _ start: [[Int]], score: ([[Int]]) throws(AttackError) -> UpdateDeviation?
  ) throws(AttackError) -> [[Int]] {
    guard var best = try score(start) else { return start }
    var (texts, evaluations) = (start, 1)
    while !best.isExplained {
      let before = best.relative
      for change in changes(texts) {
        guard let changed = change(texts), changed != texts else { continue }
        guard evaluations < UpdateDescent.evaluationLimit else { return texts }
        evaluations += 1
        guard let found = try score(changed) else { return texts }
        if found.relative < best.relative { (texts, best) = (changed, found) }
        if best.isExplained { break }
      }
      if best.relative >= before { break }
    }
    return texts
  }

  /// What to try, in order; a change that does not apply to the texts as they then stand gives nil.
  private func changes(_ texts: [[Int]]) -> [([[Int]]) -> [[Int]]?] {
    var all: [([[Int]]) -> [[Int]]?] = []
    let pairs = texts.indices.flatMap { left in
      texts.indices.filter { $0 > left }.map { (left, $0) }
    }
    for position in sets.tokens.indices {
      for (left, right) in pairs {
        all.append { exchanged($0, left, right, at: position) }
        all.append { crossed($0, left, right, from: position) }
      }
      for index in texts.indices {
        for token in sets.tokens[position].prefix(UpdateDescent.choices) {
          all.append { texts in
            guard position < texts[index].count - ending.count else { return nil }
            var texts = texts
            texts[index][position] = token
            return texts
          }
        }
      }
    }
    for index in texts.indices {
      for end in ends { all.append { resized($0, index, to: end) } }
    }
    return all
  }

  private func exchanged(
    _ texts: [[Int]], _ left: Int, _ right: Int, at position: Int
  ) -> [[Int]]? {
    guard position < min(texts[left].count, texts[right].count) - ending.count else { return nil }
    var texts = texts
    (texts[left][position], texts[right][position]) = (
      texts[right][position], texts[left][position]
    )
    return texts
  }

  private func crossed(
    _ texts: [[Int]], _ left: Int, _ right: Int, from position: Int
  ) -> [[Int]]? {
    guard position < min(texts[left].count, texts[right].count) else { return nil }
    var texts = texts
    (texts[left], texts[right]) = (
      Array(texts[left][..<position] + texts[right][position...]),
      Array(texts[right][..<position] + texts[left][position...])
    )
    return texts
  }

  private func resized(_ texts: [[Int]], _ index: Int, to end: Int) -> [[Int]]? {
    guard !ending.isEmpty, end != texts[index].count else { return nil }
    var texts = texts
    let inner = texts[index].dropLast(ending.count)
    let more = (inner.count..<max(end - ending.count, inner.count)).map { sets.tokens[$0][0] }
    texts[index] = (inner + more).prefix(end - ending.count) + ending
    return texts
  }
}
