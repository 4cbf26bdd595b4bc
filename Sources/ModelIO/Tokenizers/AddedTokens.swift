/// Tokens that are found in a text before it is cut into words: `[MASK]`, `<|endoftext|>`.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    let id: Int
    let content: [Unicode.Scalar]
    /// Whether it must stand alone, not within a word.
    let isSingleWord: Bool
    /// Whether white space before and after belongs to it.
    let stripsLeft: Bool
    let stripsRight: Bool
    /// Whether it is looked for in the normalised text instead of the text itself.
    let isNormalized: Bool
    let isSpecial: Bool
  }

  /// A part of a text: a token, or text that remains to be encoded.
  enum Part {
    case token(Int)
    case text([Unicode.Scalar])
  }

  let tokens: [Token]
  private let raw: [Unicode.Scalar: [Token]]
  private let normalized: [Unicode.Scalar: [Token]]

  init(_ tokens: [Token], normalizer: Normalizer?) {
    self.tokens = tokens
    raw = AddedTokens.byFirst(tokens.filter { !$0.isNormalized })
    normalized = AddedTokens.byFirst(
      tokens.filter(\.isNormalized).map { token in
        Token(
          id: token.id, content: normalizer?(token.content) ?? token.content,
          isSingleWord: token.isSingleWord, stripsLeft: token.stripsLeft,
          stripsRight: token.stripsRight, isNormalized: true, isSpecial: token.isSpecial)
      })
  }

  /// Longest first among those with the same first character.
  private static func byFirst(_ tokens: [Token]) -> [Unicode.Scalar: [Token]] {
    var result: [Unicode.Scalar: [Token]] = [:]
    for token in tokens {
      if let first = token.content.first { result[first, default: []].append(token) }
    }
    return result.mapValues { $0.sorted { $0.content.count > $1.content.count } }
  }

  /// Cuts a text at its added tokens and normalises what lies between.
  func parts(of text: [Unicode.Scalar], normalizer: Normalizer?) -> [Part] {
    split(text, raw).flatMap { part -> [Part] in
      switch part {
      case .token: return [part]
      case .text(let text): return split(normalizer?(text) ?? text, normalized)
      }
    }
  }

  private func split(_ text: [Unicode.Scalar], _ known: [Unicode.Scalar: [Token]]) -> [Part] {
    guard !known.isEmpty else { return text.isEmpty ? [] : [.text(text)] }
    var parts: [Part] = []
    var (textStart, position) = (0, 0)
    while position < text.count {
      let match = known[text[position]]?.first { text[position...].starts(with: $0.content) }
      guard let match else {
        position += 1
        continue
      }
      var (start, end) = (position, position + match.content.count)
      position = end
      if match.isSingleWord, touchesWord(text, start, end) { continue }
      if match.stripsLeft { while start > textStart, text[start - 1].isSpace { start -= 1 } }
      if match.stripsRight { while end < text.count, text[end].isSpace { end += 1 } }
      if start > textStart { parts.append(.text(Array(text[textStart..<start]))) }
      parts.append(.token(match.id))
      (textStart, position) = (end, end)
    }
    if textStart < text.count { parts.append(.text(Array(text[textStart...]))) }
    return parts
  }

  private func touchesWord(_ text: [Unicode.Scalar], _ start: Int, _ end: Int) -> Bool {
    (start > 0 && text[start - 1].isWordCharacter)
      || (end < text.count && text[end].isWordCharacter)
  }
}
