extension Tokenizer {
  /// Reads a `tokenizer.json` of Hugging Face's `tokenizers`: WordPiece and byte-level BPE models with
  /// the normalisers, pre-tokenizers, post-processors and decoders that go with them.
  ///
  /// - Throws: ``FileError`` when the file cannot be read, is damaged, or asks for what is not
  ///   supported.
  public init(contentsOf path: String) throws(FileError) {
    try self.init(
      bytes: InputFile.bytes(
        at: path, expected: "a tokenizer.json", limit: Tokenizer.fileLimit),
      path: path)
  }

  /// Takes a `tokenizer.json` that is in memory already; `path` only names it in messages.
  ///
  /// - Throws: ``FileError`` as ``init(contentsOf:)``.
  public init(bytes: [UInt8], path: String) throws(FileError) {
    let parser = TokenizerFileParser(
      document: try JSONValue(parsing: bytes, path: path), path: path)
    self = try parser.tokenizer()
  }
}

/// Makes the parts of a tokenizer from its JSON description.
struct TokenizerFileParser {
  let document: JSONValue
  let path: String

  func tokenizer() throws(FileError) -> Tokenizer {
    guard let modelValue = document["model"] else {
      throw damaged("it has no model")
    }
    let normalizer = try document["normalizer"].map(normalizer)
    let addedTokens = try addedTokens()
    let model = try model(modelValue, addedTokens)
    let (prefix, suffix) = try specialTokens(document["post_processor"], model.table)
    guard (prefix + suffix).allSatisfy({ (0..<model.table.count).contains($0) }) else {
      throw damaged("its post-processor uses a token number that the vocabulary lacks")
    }
    return Tokenizer(
      model: model, normalizer: normalizer,
      preTokenizer: try document["pre_tokenizer"].map(preTokenizer),
      added: AddedTokens(addedTokens, normalizer: normalizer),
      decoder: try document["decoder"].map(decoder) ?? .spaced, prefix: prefix, suffix: suffix)
  }

  // MARK: - Errors

  func damaged(_ problem: String) -> FileError {
    FileError(
      path: path, problem: "this is no usable tokenizer.json: \(problem)",
      remedy: "give the tokenizer.json of a BERT- or GPT-2-type model, or its vocab.txt")
  }

  private func unsupported(_ what: String, _ value: JSONValue) -> FileError {
    damaged(
      "its \(what) \((value["type"]?.string ?? "without a type").quotedForMessage) is not "
        + "supported")
  }

  // MARK: - Normaliser and pre-tokenizer

  func normalizer(_ value: JSONValue) throws(FileError) -> Normalizer {
    switch value["type"]?.string {
    case "BertNormalizer":
      let lowersCase = value["lowercase"]?.bool ?? true
      return .bert(
        cleans: value["clean_text"]?.bool ?? true,
        separatesIdeographs: value["handle_chinese_chars"]?.bool ?? true,
        stripsAccents: value["strip_accents"]?.bool ?? lowersCase, lowersCase: lowersCase)
    case "NFC": return .canonicalComposition
    case "NFD": return .canonicalDecomposition
    case "NFKC": return .compatibilityComposition
    case "NFKD": return .compatibilityDecomposition
    case "Lowercase": return .lowercase
    case "StripAccents": return .stripAccents
    case "Strip":
      return .strip(
        left: value["strip_left"]?.bool ?? true, right: value["strip_right"]?.bool ?? true)
    case "Sequence":
      var steps: [Normalizer] = []
      for step in value["normalizers"]?.array ?? [] { steps.append(try normalizer(step)) }
      return .sequence(steps)
    default: throw unsupported("normalizer", value)
    }
  }

  func preTokenizer(_ value: JSONValue) throws(FileError) -> PreTokenizer {
    switch value["type"]?.string {
    case "BertPreTokenizer": return .bert
    case "ByteLevel":
      return .byteLevel(
        addsPrefixSpace: value["add_prefix_space"]?.bool ?? true,
        splits: value["use_regex"]?.bool ?? true)
    case "Whitespace": return .whitespace
    case "WhitespaceSplit": return .whitespaceSplit
    case "Sequence":
      var steps: [PreTokenizer] = []
      for step in value["pretokenizers"]?.array ?? [] { steps.append(try preTokenizer(step)) }
      return .sequence(steps)
    default: throw unsupported("pre-tokenizer", value)
    }
  }

  func decoder(_ value: JSONValue) throws(FileError) -> TokenDecoder {
    switch value["type"]?.string {
    case "WordPiece":
      return .wordPiece(
        continuation: value["prefix"]?.string ?? "##", cleansUp: value["cleanup"]?.bool ?? true)
    case "ByteLevel": return .byteLevel
    default: throw unsupported("decoder", value)
    }
  }

  // MARK: - Tokens

  private func addedTokens() throws(FileError) -> [AddedTokens.Token] {
    var tokens: [AddedTokens.Token] = []
    for value in document["added_tokens"]?.array ?? [] {
      guard let id = value["id"]?.integer, let content = value["content"]?.string else {
        throw damaged("an added token has no number or no text")
      }
      let isSpecial = value["special"]?.bool ?? false
      tokens.append(
        AddedTokens.Token(
          id: id, content: Array(content.unicodeScalars),
          isSingleWord: value["single_word"]?.bool ?? false,
          stripsLeft: value["lstrip"]?.bool ?? false,
          stripsRight: value["rstrip"]?.bool ?? false,
          isNormalized: value["normalized"]?.bool ?? !isSpecial, isSpecial: isSpecial))
    }
    return tokens
  }

  private func table(
    _ model: JSONValue, _ added: [AddedTokens.Token]
  ) throws(FileError) -> TokenTable {
    guard let members = model["vocab"]?.members, !members.isEmpty else {
      throw damaged("its model has no vocabulary")
    }
    var table = TokenTable()
    for (token, value) in members {
      guard let id = value.integer, table.insert(token, id: id) else {
        throw damaged(
          "token \(token.quotedForMessage) has no number of its own below "
            + "\(TokenTable.countLimit)")
      }
    }
    for token in added {
      let text = String(String.UnicodeScalarView(token.content))
      guard table.insert(text, id: token.id) else {
        throw damaged("added token \(text.quotedForMessage) has no number of its own")
      }
    }
    // Numbers come from the file: a hostile one must not ask for a table far beyond its tokens.
    guard table.count <= 2 * (members.count + added.count) + 1024 else {
      throw damaged("its token numbers go up to \(table.count - 1), for \(members.count) tokens")
    }
    return table
  }

  private func model(
    _ value: JSONValue, _ added: [AddedTokens.Token]
  ) throws(FileError) -> Tokenizer.Model {
    // Old files leave the type out; only BPE has merges.
    let type = value["type"]?.string ?? (value["merges"] == nil ? "WordPiece" : "BPE")
    switch type {
    case "WordPiece":
      let table = try table(value, added)
      let unknown = value["unk_token"]?.string ?? "[UNK]"
      guard table.id(of: unknown) != nil else {
        throw damaged("the token for unknown words, \(unknown.quotedForMessage), is missing")
      }
      return .wordPiece(
        WordPiece(
          table: table, unknown: unknown,
          continuation: value["continuing_subword_prefix"]?.string ?? "##",
          wordLimit: value["max_input_chars_per_word"]?.integer ?? 100))
    case "BPE":
      for option in ["continuing_subword_prefix", "end_of_word_suffix"]
      where !(value[option]?.string ?? "").isEmpty {
        throw damaged("its BPE model uses \(option), which is not supported")
      }
      guard value["byte_fallback"]?.bool != true, value["fuse_unk"]?.bool != true else {
        throw damaged("its BPE model uses byte_fallback or fuse_unk, which is not supported")
      }
      let table = try table(value, added)
      return .bytePairs(
        BytePairEncoding(
          table: table, merges: try merges(value["merges"], table),
          unknown: value["unk_token"]?.string,
          ignoresMerges: value["ignore_merges"]?.bool ?? false))
    default:
      throw unsupported("model", value)
    }
  }

  private func merges(
    _ value: JSONValue?, _ table: TokenTable
  ) throws(FileError) -> [BytePairEncoding.Pair: (rank: Int32, merged: Int32)] {
    guard let list = value?.array, list.count < TokenTable.countLimit else {
      throw damaged("its BPE model has no list of merges")
    }
    var merges: [BytePairEncoding.Pair: (rank: Int32, merged: Int32)] = [:]
    for (rank, entry) in list.enumerated() {
      // "a b", or ["a", "b"] in newer files.
      let parts: [String] =
        entry.array?.compactMap(\.string)
        ?? entry.string?.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        ?? []
      guard parts.count == 2, let left = table.id(of: parts[0]),
        let right = table.id(of: parts[1]), let merged = table.id(of: parts[0] + parts[1])
      else {
        throw damaged("merge \(rank) is not of two tokens that make a third")
      }
      let pair = BytePairEncoding.Pair(left: Int32(left), right: Int32(right))
      merges[pair] = (Int32(rank), Int32(merged))
    }
    return merges
  }

  // MARK: - Post-processor

  /// The special tokens that the post-processor puts around a single text.
  private func specialTokens(
    _ value: JSONValue?, _ table: TokenTable
  ) throws(FileError) -> (prefix: [Int], suffix: [Int]) {
    guard let value else { return ([], []) }
    switch value["type"]?.string {
    case "TemplateProcessing":
      return try template(value, table)
    case "BertProcessing", "RobertaProcessing":
      return ([try processingToken(value["cls"])], [try processingToken(value["sep"])])
    case "ByteLevel":
      return ([], [])
    case "Sequence":
      var (prefix, suffix): ([Int], [Int]) = ([], [])
      for step in value["processors"]?.array ?? [] {
        let (before, after) = try specialTokens(step, table)
        (prefix, suffix) = (before + prefix, suffix + after)
      }
      return (prefix, suffix)
    default:
      throw unsupported("post-processor", value)
    }
  }

  private func processingToken(_ value: JSONValue?) throws(FileError) -> Int {
    guard let id = value?.array?.last?.integer else {
      throw damaged("its post-processor names no tokens")
    }
    return id
  }

  private func template(
    _ value: JSONValue, _ table: TokenTable
  ) throws(FileError) -> (prefix: [Int], suffix: [Int]) {
    var parts: (prefix: [Int], suffix: [Int]) = ([], [])
    var isAfterText = false
    for piece in value["single"]?.array ?? [] {
      if piece["Sequence"] != nil {
        isAfterText = true
        continue
      }
      guard let name = piece["SpecialToken"]?["id"]?.string else {
        throw damaged("its template has a piece that is neither text nor a special token")
      }
      let listed = value["special_tokens"]?[name]?["ids"]?.array?.compactMap(\.integer)
      guard let ids = listed ?? table.id(of: name).map({ [$0] }) else {
        throw damaged("its template names \(name.quotedForMessage), which is no token")
      }
      if isAfterText { parts.suffix += ids } else { parts.prefix += ids }
    }
    return parts
  }
}
