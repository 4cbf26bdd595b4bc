import TensorGraph

/// Puts an encoder's texts together. What the second layer reads depends on the whole text, and lies
/// the further from the span the more tokens are wrong: from a random choice, tokens are exchanged one
/// position after the other for those that bring the text nearest to the span.
struct EncoderRecovery {
  let sets: SpanSets
  let screen: ContextScreen
  let tolerance: Double
  let batchSize: Int
  /// The tokens that end a text, such as `[SEP]`; empty where texts end anyhow.
  let ending: [Int]
  let seed: UInt64

  /// Starts at most for each text of the batch.
  private static let startsPerText = 24
  private static let sweeps = 6

  struct Result {
    var texts: [[Int]] = []
    var starts = 0
    var wasInterrupted = false
  }

  /// - Parameter observe: called with the texts so far and the present one after every sweep.
  func texts(observe: ([[Int]], [Int]) -> SolverDecision) -> Result {
    var result = Result()
    var source = RandomSource(seed: seed).derive(label: "encoder")
    let lengths = possibleLengths
    guard !lengths.isEmpty else { return result }
    while result.texts.count < batchSize,
      result.starts < EncoderRecovery.startsPerText * batchSize
    {
      guard let anchor = uncovered(result.texts, after: result.starts) else { break }
      let usable = lengths.filter { $0 > anchor.position }
      guard !usable.isEmpty else { break }
      let length = usable[source.integer(below: usable.count)]
      result.starts += 1
      var text = (0..<length).map { position in
        sets.tokens[position][source.integer(below: sets.tokens[position].count)]
      }
      finish(&text)
      if anchor.position < length - ending.count { text[anchor.position] = anchor.token }
      let isStopped = descend(&text, fixed: anchor.position, &source) { text in
        if case .stop = observe(result.texts, text) { return true }
        return false
      }
      let worst = screen.residuals([text])[0].max() ?? .infinity
      if worst <= tolerance, !result.texts.contains(text) { result.texts.append(text) }
      if isStopped {
        result.wasInterrupted = true
        break
      }
    }
    return result
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

  private func finish(_ text: inout [Int]) {
    guard text.count >= ending.count else { return }
    text.replaceSubrange((text.count - ending.count)..., with: ending)
  }

  /// A token at a position that no text has yet, in turn; any one when all are covered.
  private func uncovered(_ texts: [[Int]], after turn: Int) -> (position: Int, token: Int)? {
    var missing: [(position: Int, token: Int)] = []
    var all: [(position: Int, token: Int)] = []
    for (position, tokens) in sets.tokens.enumerated() {
      for token in tokens {
        all.append((position, token))
        let isCovered = texts.contains { $0.count > position && $0[position] == token }
        if !isCovered { missing.append((position, token)) }
      }
    }
    let choices = missing.isEmpty ? all : missing
    return choices.isEmpty ? nil : choices[turn % choices.count]
  }

  /// Exchanges tokens until no exchange brings the text nearer; true when asked to stop.
  private func descend(
    _ text: inout [Int], fixed: Int, _ source: inout RandomSource, shouldStop: ([Int]) -> Bool
  ) -> Bool {
    var best = distance(screen.residuals([text])[0])
    for _ in 0..<EncoderRecovery.sweeps {
      let before = best
      for position in source.permutation(of: max(text.count - ending.count, 0))
      where position != fixed && sets.tokens[position].count > 1 {
        let choices = sets.tokens[position].filter { $0 != text[position] }
        let changed = choices.map { token in
          var candidate = text
          candidate[position] = token
          return candidate
        }
        for (candidate, residuals) in zip(changed, screen.residuals(changed)) {
          let value = distance(residuals)
          if value < best { (best, text) = (value, candidate) }
        }
        if best <= tolerance * tolerance { return false }
      }
      if shouldStop(text) { return true }
      if best >= before { return false }
    }
    return false
  }

  /// The mean of squared distances over the tokens.
  private func distance(_ residuals: [Double]) -> Double {
    residuals.reduce(0) { $0 + $1 * $1 } / Double(max(residuals.count, 1))
  }
}
