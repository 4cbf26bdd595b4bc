/// What an attack has found out about texts besides their tokens: how they are laid out, and which of their
/// tokens the loss asks for.
///
/// Not synchronised: one attack at a time.
final class TextLayouts {
  private var layouts: [[Int]: TextLayout] = [:]
  /// By the text without its last token, which is a label only.
  private var counted: [[Int]: [Bool]] = [:]

  subscript(text: [Int]) -> TextLayout {
    get { layouts[text] ?? .plain }
    set { layouts[text] = newValue }
  }

  /// For each token of a text whether a next-token loss asks for it; nil where it asks for all.
  func countedTokens(of text: [Int]) -> [Bool]? { counted[Array(text.dropLast())] }

  /// Says which tokens count in texts that go on after `beginning`; nil for all of them.
  func setCountedTokens(_ counts: [Bool]?, after beginning: [Int]) { counted[beginning] = counts }

  /// How many tokens of texts that go on after these a next-token loss asks for.
  func countOfLabels(after beginnings: [[Int]]) -> Int {
    beginnings.reduce(0) { $0 + (counted[$1]?.count { $0 } ?? $1.count) }
  }

  /// A batch of next tokens, of which those count that are known to.
  func nextTokens(_ texts: [[Int]]) -> TextBatch {
    let counts = texts.map { countedTokens(of: $0) }
    guard counts.contains(where: { $0 != nil }) else {
      return TextBatch(tokens: texts, labels: .nextTokens, layouts: texts.map { self[$0] })
    }
    return TextBatch(
      tokens: texts,
      labels: .someNextTokens(
        zip(texts, counts).map { text, counts in counts ?? text.map { _ in true } }),
      layouts: texts.map { self[$0] })
  }
}
