/// How tokens become text again.
enum TokenDecoder: Hashable, Sendable {
  /// Tokens that continue a word are joined to it, others follow a blank.
  case wordPiece(continuation: String, cleansUp: Bool)
  /// Visible characters become bytes, and the bytes UTF-8 text.
  case byteLevel
  /// Tokens with blanks between.
  case spaced

  func callAsFunction(_ tokens: [String]) -> String {
    switch self {
    case .spaced:
      return tokens.joined(separator: " ")
    case .byteLevel:
      return String(
        decoding: tokens.flatMap { ByteLevel.bytes(of: $0.unicodeScalars) }, as: UTF8.self)
    case .wordPiece(let continuation, let cleansUp):
      var scalars: [Unicode.Scalar] = []
      for (index, token) in tokens.enumerated() {
        var piece = Array(token.unicodeScalars)
        if index > 0 {
          let prefix = Array(continuation.unicodeScalars)
          piece = piece.starts(with: prefix) ? Array(piece.dropFirst(prefix.count)) : [" "] + piece
        }
        scalars += cleansUp ? TokenDecoder.cleanedUp(piece) : piece
      }
      return String(String.UnicodeScalarView(scalars))
    }
  }

  /// English punctuation without the blanks that tokenization put before it.
  private static func cleanedUp(_ piece: [Unicode.Scalar]) -> [Unicode.Scalar] {
    // Every rule begins with a blank, and a piece without one stays as it is.
    guard piece.contains(" ") else { return piece }
    let rules = [
      (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
      (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ]
    return rules.reduce(piece) { text, rule in
      replacing(Array(rule.0.unicodeScalars), by: Array(rule.1.unicodeScalars), in: text)
    }
  }

  private static func replacing(
    _ old: [Unicode.Scalar], by new: [Unicode.Scalar], in text: [Unicode.Scalar]
  ) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    var position = 0
    while position < text.count {
      if text[position...].starts(with: old) {
        result += new
        position += old.count
      } else {
        result.append(text[position])
        position += 1
      }
    }
    return result
  }
}
