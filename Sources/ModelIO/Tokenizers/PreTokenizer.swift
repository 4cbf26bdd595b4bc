/// How a normalised text is cut into words.
enum PreTokenizer: Hashable, Sendable {
  /// BERT's: at white space, which is dropped, and around every punctuation character.
  case bert
  /// GPT-2's: by a regular expression, the bytes of each word written as visible characters.
  case byteLevel(addsPrefixSpace: Bool, splits: Bool)
  /// Runs of word characters and runs of other characters; white space is dropped.
  case whitespace
  /// At white space, which is dropped.
  case whitespaceSplit
  case sequence([PreTokenizer])

  func callAsFunction(_ text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
    switch self {
    case .bert:
      return PreTokenizer.runs(text) { $0.isPunctuation ? .single : .run(0) }
    case .byteLevel(let addsPrefixSpace, let splits):
      let padded = addsPrefixSpace && !text.isEmpty && text.first != " " ? [" "] + text : text
      let words = splits ? ByteLevel.words(of: padded) : [padded]
      return words.map { ByteLevel.visible($0) }
    case .whitespace:
      return PreTokenizer.runs(text) { .run($0.isWordCharacter ? 0 : 1) }
    case .whitespaceSplit:
      return PreTokenizer.runs(text) { _ in .run(0) }
    case .sequence(let steps):
      return steps.reduce([text]) { words, step in words.flatMap { step($0) } }
    }
  }

  private enum Kind: Equatable {
    /// A word of its own.
    case single
    /// One word with its neighbours of the same kind.
    case run(Int)
  }

  private static func runs(
    _ text: [Unicode.Scalar], kind: (Unicode.Scalar) -> Kind
  ) -> [[Unicode.Scalar]] {
    var words: [[Unicode.Scalar]] = []
    var previous: Kind?
    for scalar in text {
      if scalar.isSpace {
        previous = nil
        continue
      }
      let current = kind(scalar)
      if current != .single, current == previous {
        words[words.count - 1].append(scalar)
      } else {
        words.append([scalar])
      }
      previous = current
    }
    return words
  }
}
