extension Tokenizer {
  /// The largest tokenizer file that is read, in bytes.
  static let fileLimit = 256 << 20

  /// Reads a BERT vocabulary: one WordPiece token a line, its number the line's.
  ///
  /// - Parameter lowersCase: whether the model is an uncased one.
  /// - Throws: ``FileError`` when the file cannot be read, is not UTF-8 text, or lacks `[UNK]`.
  public init(vocabulary path: String, lowersCase: Bool = true) throws(FileError) {
    let bytes = try InputFile.bytes(
      at: path, expected: "a vocab.txt with one token a line", limit: Tokenizer.fileLimit)
    try self.init(vocabularyBytes: bytes, path: path, lowersCase: lowersCase)
  }

  /// Takes a vocabulary that is in memory already; `path` only names it in messages.
  ///
  /// - Throws: ``FileError`` as ``init(vocabulary:lowersCase:)``.
  public init(
    vocabularyBytes bytes: [UInt8], path: String, lowersCase: Bool = true
  ) throws(FileError) {
    func wrong(_ problem: String) -> FileError {
      FileError(path: path, problem: problem, remedy: "give the vocab.txt of a BERT-type model")
    }
    try WantedFile.text.refuseOthers(bytes, path: path)
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    var table = TokenTable()
    for (index, line) in lines.enumerated() {
      let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      guard let token = String(validating: line, as: UTF8.self) else {
        throw wrong("line \(index + 1) is not UTF-8 text")
      }
      guard table.insert(token, id: index) else {
        throw wrong("line \(index + 1) repeats the token \(token.quotedForMessage)")
      }
    }
    guard table.id(of: "[UNK]") != nil else { throw wrong("there is no line [UNK]") }
    let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].compactMap { name in
      table.id(of: name).map { id in
        AddedTokens.Token(
          id: id, content: Array(name.unicodeScalars), isSingleWord: false, stripsLeft: false,
          stripsRight: false, isNormalized: false, isSpecial: true)
      }
    }
    let normalizer = Normalizer.bert(
      cleans: true, separatesIdeographs: true, stripsAccents: lowersCase, lowersCase: lowersCase)
    self.init(
      model: .wordPiece(
        WordPiece(table: table, unknown: "[UNK]", continuation: "##", wordLimit: 100)),
      normalizer: normalizer, preTokenizer: .bert,
      added: AddedTokens(specials, normalizer: normalizer),
      decoder: .wordPiece(continuation: "##", cleansUp: true),
      prefix: table.id(of: "[CLS]").map { [$0] } ?? [],
      suffix: table.id(of: "[SEP]").map { [$0] } ?? [])
  }
}
