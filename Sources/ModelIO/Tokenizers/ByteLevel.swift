/// GPT-2's view of text (Radford et al. 2019, "Language models are unsupervised multitask learners",
/// section 2.2): words by a regular expression, bytes as visible characters.
enum ByteLevel {
  /// The character that stands for each byte: itself where it is visible in Latin-1, else the next
  /// unused one from U+0100 up.
  static let characters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0..<256).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
        return Unicode.Scalar(UInt8(byte))
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "?"
      }
    }
  }()

  private static let bytes: [Unicode.Scalar: UInt8] = Dictionary(
    uniqueKeysWithValues: characters.enumerated().map { ($1, UInt8($0)) })

  /// The UTF-8 bytes of a word as visible characters.
  static func visible(_ word: [Unicode.Scalar]) -> [Unicode.Scalar] {
    word.flatMap { scalar in UTF8.encode(scalar).map { $0.map { characters[Int($0)] } } ?? [] }
  }

  /// The bytes that visible characters stand for; a character that stands for none gives its own.
  static func bytes(of visible: some Sequence<Unicode.Scalar>) -> [UInt8] {
    visible.flatMap { scalar in
      bytes[scalar].map { [$0] } ?? UTF8.encode(scalar).map(Array.init) ?? []
    }
  }

  /// The matches of
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  /// which cover the whole text.
  static func words(of text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
    let kinds = text.map(Kind.init)
    var words: [[Unicode.Scalar]] = []
    var start = 0
    while start < text.count {
      let end = endOfWord(text, kinds, from: start)
      words.append(Array(text[start..<end]))
      start = end
    }
    return words
  }

  private enum Kind {
    case letter, number, space, other

    init(_ scalar: Unicode.Scalar) {
      self =
        scalar.isSpace
        ? .space
        : scalar.isLetterCategory ? .letter : scalar.isNumberCategory ? .number : .other
    }
  }

  private static let contractions: [[Unicode.Scalar]] = ["s", "t", "re", "ve", "m", "ll", "d"]
    .map { Array($0.unicodeScalars) }

  private static func endOfWord(
    _ text: [Unicode.Scalar], _ kinds: [Kind], from start: Int
  ) -> Int {
    if text[start] == "'" {
      for ending in contractions where text[(start + 1)...].starts(with: ending) {
        return start + 1 + ending.count
      }
    }
    let first = text[start] == " " && start + 1 < text.count ? start + 1 : start
    let kind = kinds[first]
    var end = first
    while end < text.count, kinds[end] == kind { end += 1 }
    guard kind == .space else { return end }
    end = start
    while end < text.count, kinds[end] == .space { end += 1 }
    // Of white space before a word, the last character is left to the word.
    return end < text.count && end - start > 1 ? end - 1 : end
  }
}
