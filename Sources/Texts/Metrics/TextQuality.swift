import Solvers

/// How well one private text came back.
package struct TextQuality: Sendable, Equatable {
  /// Whether every token is right.
  package let isExact: Bool
  /// Share of the private text's tokens that stand at their place.
  package let tokenAccuracy: Double
  package let rouge: ROUGE

  /// - Parameters:
  ///   - reconstruction: tokens, special ones included; empty when nothing was found.
  ///   - text: the words of tokens, for ROUGE.
  package init(
    of reconstruction: [Int], original: [Int], text: ([Int]) -> String
  ) {
    isExact = reconstruction == original
    let right = zip(reconstruction, original).count { $0 == $1 }
    tokenAccuracy = Double(right) / Double(max(original.count, 1))
    rouge = ROUGE(of: text(reconstruction), original: text(original))
  }
}

/// Matches reconstructed texts to private ones so that the sum of ROUGE-1 is the largest, as LAMP does
/// (Balunović et al. 2022, section 5); between equals the most tokens at their place decide.
///
/// - Returns: for each original the index of its reconstruction; nil when there are fewer.
package func matchTexts(
  reconstructions: [[Int]], originals: [[Int]]
) -> [Int?] {
  let count = max(reconstructions.count, originals.count)
  guard count > 0 else { return [] }
  let cost = (0..<count).map { row in
    (0..<count).map { column -> Double in
      guard row < originals.count, column < reconstructions.count else { return 2 }
      let rouge = ROUGE(words: reconstructions[column], original: originals[row])
      let right = zip(reconstructions[column], originals[row]).count { $0 == $1 }
      return 1 - rouge.rouge1 - 1e-3 * Double(right) / Double(max(originals[row].count, 1))
    }
  }
  return minimumCostAssignment(cost).prefix(originals.count).map {
    $0 < reconstructions.count ? $0 : nil
  }
}

/// What an attacker without the update would guess: reconstructions to compare with.
package enum TextBaseline {
  /// Random texts of the batch's most frequent tokens, which the attacker of a language knows: each
  /// position gets one of `frequent` at random.
  package static func frequentTokens(
    _ originals: [[Int]], frequent: [Int], using source: inout RandomSource
  ) -> [[Int]] {
    guard !frequent.isEmpty else { return originals.map { _ in [] } }
    return originals.map { text in
      text.map { _ in frequent[source.integer(below: frequent.count)] }
    }
  }

  /// The right tokens in random order, dealt to texts of the right lengths: what a bag of words gives.
  package static func shuffled(
    _ originals: [[Int]], using source: inout RandomSource
  ) -> [[Int]] {
    let tokens = originals.flatMap(\.self)
    var order = source.permutation(of: tokens.count).map { tokens[$0] }
    return originals.map { text in
      defer { order.removeFirst(text.count) }
      return Array(order.prefix(text.count))
    }
  }
}
