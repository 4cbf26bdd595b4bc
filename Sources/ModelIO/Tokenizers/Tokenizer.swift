/// Text to token numbers and back, as a language model's own tokenizer does it: WordPiece (BERT) or
/// byte-level byte pair encoding (GPT-2), read from `tokenizer.json` or `vocab.txt`.
///
/// Encodes and decodes as the `tokenizers` library of Hugging Face does.
public struct Tokenizer: Sendable {
  enum Model: Sendable {
    case wordPiece(WordPiece)
    case bytePairs(BytePairEncoding)

    var table: TokenTable {
      switch self {
      case .wordPiece(let model): model.table
      case .bytePairs(let model): model.table
      }
    }

    func encode(_ word: [Unicode.Scalar]) -> [Int] {
      switch self {
      case .wordPiece(let model): model.encode(word)
      case .bytePairs(let model): model.encode(word)
      }
    }
  }

  let model: Model
  let normalizer: Normalizer?
  let preTokenizer: PreTokenizer?
  let added: AddedTokens
  let decoder: TokenDecoder
  /// Special tokens before every text, such as `[CLS]`.
  public let prefix: [Int]
  /// Special tokens after every text, such as `[SEP]`.
  public let suffix: [Int]
  private let specials: Set<Int>

  init(
    model: Model, normalizer: Normalizer?, preTokenizer: PreTokenizer?, added: AddedTokens,
    decoder: TokenDecoder, prefix: [Int], suffix: [Int]
  ) {
    self.model = model
    self.normalizer = normalizer
    self.preTokenizer = preTokenizer
    self.added = added
    self.decoder = decoder
    self.prefix = prefix
    self.suffix = suffix
    specials = Set(added.tokens.filter(\.isSpecial).map(\.id))
  }

  /// One more than the largest token number.
  public var vocabularySize: Int { model.table.count }

  /// Numbers of the tokens that stand for no text, such as `[PAD]`.
  public var specialTokens: Set<Int> { specials }

  /// The token of a number; nil when there is none.
  public func token(of id: Int) -> String? {
    model.table.tokens.indices.contains(id) ? model.table.tokens[id] : nil
  }

  /// The number of a token; nil when the vocabulary lacks it.
  public func id(of token: String) -> Int? { model.table.id(of: token) }

  /// The token numbers of a text.
  ///
  /// - Parameter addsSpecialTokens: whether ``prefix`` and ``suffix`` are put around it.
  public func encode(_ text: String, addsSpecialTokens: Bool = true) -> [Int] {
    var ids: [Int] = []
    for part in added.parts(of: Array(text.unicodeScalars), normalizer: normalizer) {
      switch part {
      case .token(let id):
        ids.append(id)
      case .text(let text):
        for word in preTokenizer?(text) ?? [text] { ids += model.encode(word) }
      }
    }
    return addsSpecialTokens ? prefix + ids + suffix : ids
  }

  /// The text of token numbers. Numbers without a token are left out.
  public func decode(_ ids: [Int], skipsSpecialTokens: Bool = true) -> String {
    decoder(
      ids.filter { !skipsSpecialTokens || !specials.contains($0) }.compactMap { token(of: $0) })
  }
}
