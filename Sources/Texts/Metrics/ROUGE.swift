/// ROUGE scores of a reconstruction against the private text (Lin 2004, "ROUGE: a package for automatic
/// evaluation of summaries"): F-measures of shared n-grams and of the longest common subsequence.
///
/// Words are lower-case runs of ASCII letters and digits, without stemming, as the `rouge-score` package
/// takes them.
package struct ROUGE: Sendable, Equatable {
  /// F-measure of shared words.
  package let rouge1: Double
  /// F-measure of shared pairs of neighbouring words.
  package let rouge2: Double
  /// F-measure of the longest common subsequence of words.
  package let rougeL: Double

  package init(of reconstruction: String, original: String) {
    self.init(words: ROUGE.words(of: reconstruction), original: ROUGE.words(of: original))
  }

  /// Scores of tokens instead of words.
  package init<Token: Hashable>(words reconstruction: [Token], original: [Token]) {
    rouge1 = ROUGE.overlap(reconstruction, original, 1)
    rouge2 = ROUGE.overlap(reconstruction, original, 2)
    let common = ROUGE.longestCommonSubsequence(reconstruction, original)
    rougeL = ROUGE.measure(common, reconstruction.count, original.count)
  }

  static func words(of text: String) -> [String] {
    text.lowercased().unicodeScalars.split { scalar in
      switch scalar {
      case "a"..."z", "0"..."9": false
      default: true
      }
    }.map { String($0) }
  }

  private static func measure(_ common: Int, _ found: Int, _ wanted: Int) -> Double {
    guard common > 0 else { return 0 }
    let (precision, recall) = (Double(common) / Double(found), Double(common) / Double(wanted))
    return 2 * precision * recall / (precision + recall)
  }

  private static func overlap<Token: Hashable>(
    _ found: [Token], _ wanted: [Token], _ length: Int
  ) -> Double {
    func counts(_ tokens: [Token]) -> [[Token]: Int] {
      guard tokens.count >= length else { return [:] }
      return (0...tokens.count - length).reduce(into: [:]) { counts, start in
        counts[Array(tokens[start..<start + length]), default: 0] += 1
      }
    }
    let (left, right) = (counts(found), counts(wanted))
    let common = left.reduce(0) { $0 + min($1.value, right[$1.key] ?? 0) }
    return measure(
      common, max(found.count - length + 1, 0), max(wanted.count - length + 1, 0))
  }

  private static func longestCommonSubsequence<Token: Equatable>(
    _ left: [Token], _ right: [Token]
  ) -> Int {
    var row = [Int](repeating: 0, count: right.count + 1)
    for token in left {
      var diagonal = 0
      for index in right.indices {
        let above = row[index + 1]
        row[index + 1] = token == right[index] ? diagonal + 1 : max(above, row[index])
        diagonal = above
      }
    }
    return row[right.count]
  }
}
