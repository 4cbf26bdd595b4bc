import Clients
import ModelIO
import TensorGraph

/// A language model in a folder as Hugging Face's `transformers` saves it: `config.json`,
/// `model.safetensors`, or `pytorch_model.bin`, or the files that `….index.json` of these names, and `tokenizer.json` or
/// `vocab.txt`.
package struct TextModelFolder: Sendable {
  package let weighted: WeightedTextModel
  package let tokenizer: Tokenizer
  /// Parameters of the head that the file lacks, drawn from a seed.
  package let freshParameters: [String]

  /// - Parameters:
  ///   - head: overrides the head that `config.json` names; a classification head that the weights
  ///     lack is freshly initialised.
  ///   - seed: of fresh parameters.
  /// - Throws: ``FileError`` or ``ModelError`` when a file is missing or damaged, is of another kind of
  ///   model, or the vocabulary does not fit the embedding.
  package init(_ path: String, head: TextHead? = nil, seed: UInt64) throws {
    let path = path.hasSuffix("/") ? String(path.dropLast()) : path
    let configuration = try TextModelConfiguration(
      contentsOf: path + "/config.json", head: head)
    try self.init(
      configuration, TextModelFolder.tokenizer(path),
      weights: { () throws(FileError) in try TextModelFolder.weights(path) }, path: path,
      seed: seed)
  }

  /// Takes the three files of such a folder from memory; `path` only names it in messages.
  ///
  /// - Throws: ``FileError`` or ``ModelError`` as ``init(_:head:seed:)``.
  package init(
    configuration: [UInt8], tokenizer: [UInt8], weights: [UInt8], path: String,
    head: TextHead? = nil, seed: UInt64
  ) throws {
    let document = try JSONValue(parsing: configuration, path: path + "/config.json")
    try self.init(
      TextModelConfiguration(document, path: path + "/config.json", head: head),
      Tokenizer(bytes: tokenizer, path: path + "/tokenizer.json"),
      weights: { () throws(FileError) in
        TensorShards(
          TensorFile(try SafetensorsFile(bytes: weights, path: path + "/model.safetensors")))
      }, path: path, seed: seed)
  }

  /// Takes a model that was read from elsewhere, such as ``ImportedTextModel``, with the tokenizer of a
  /// folder.
  ///
  /// - Throws: ``FileError`` or ``ModelError`` as ``init(_:head:seed:)``.
  package init(_ weighted: WeightedTextModel, tokenizerOf path: String) throws {
    let path = path.hasSuffix("/") ? String(path.dropLast()) : path
    let tokenizer = try TextModelFolder.tokenizer(path)
    try TextModelFolder.check(tokenizer, weighted.model.configuration, path: path)
    self.init(weighted, tokenizer, fresh: [])
  }

  private init(
    _ configuration: TextModelConfiguration, _ tokenizer: Tokenizer,
    weights: () throws(FileError) -> TensorShards, path: String, seed: UInt64
  ) throws {
    try TextModelFolder.check(tokenizer, configuration, path: path)
    let model = try TextModel(configuration)
    (weighted, freshParameters) = try TextModelFolder.load(model, try weights(), seed: seed)
    self.tokenizer = tokenizer
  }

  private static func check(
    _ tokenizer: Tokenizer, _ configuration: TextModelConfiguration, path: String
  ) throws(ModelError) {
    guard tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw ModelError(
        "the tokenizer of \(path) has \(tokenizer.vocabularySize) tokens, and the model embeds "
          + "\(configuration.vocabularySize); give the tokenizer that the model was trained with")
    }
  }

  private init(
    _ weighted: WeightedTextModel, _ tokenizer: Tokenizer, fresh: [String]
  ) {
    (self.weighted, self.tokenizer, freshParameters) = (weighted, tokenizer, fresh)
  }

  /// The same with other weights, such as those with adapters added.
  package func replacing(_ weighted: WeightedTextModel) -> TextModelFolder {
    TextModelFolder(weighted, tokenizer, fresh: freshParameters)
  }

  /// The same with the weights of a file of tensors, under the names of the model's own.
  ///
  /// - Throws: ``FileError`` or ``ModelError`` as ``init(_:head:seed:)``.
  package func replacing(weightsOf path: String, seed: UInt64) throws -> TextModelFolder {
    let (weighted, fresh) = try TextModelFolder.load(
      weighted.model, TensorShards(try TensorFile(contentsOf: path)), seed: seed)
    return TextModelFolder(weighted, tokenizer, fresh: fresh)
  }

  private static func weights(_ path: String) throws(FileError) -> TensorShards {
    let names = ["/model.safetensors", "/pytorch_model.bin"]
    for name in names {
      if InputFile.exists(path + name) {
        return TensorShards(try TensorFile(contentsOf: path + name))
      }
      if InputFile.exists(path + name + ".index.json") {
        return try TensorShards(indexAt: path + name + ".index.json")
      }
    }
    return TensorShards(try TensorFile(contentsOf: path + names[0]))
  }

  private static func tokenizer(_ path: String) throws -> Tokenizer {
    let full = path + "/tokenizer.json"
    let vocabulary = path + "/vocab.txt"
    if !InputFile.exists(full), InputFile.exists(vocabulary) {
      let settings = path + "/tokenizer_config.json"
      var lowersCase = true
      if InputFile.exists(settings) {
        let bytes = try InputFile.bytes(
          at: settings, expected: "a tokenizer_config.json", limit: 16 << 20)
        lowersCase = try JSONValue(parsing: bytes, path: settings)["do_lower_case"]?.bool ?? true
      }
      return try Tokenizer(vocabulary: vocabulary, lowersCase: lowersCase)
    }
    return try Tokenizer(contentsOf: full)
  }

  /// Weights under the model's names, with or without the prefix of the part below the head
  /// (`bert.`, `transformer.`).
  static func load(
    _ model: TextModel, _ file: TensorShards, seed: UInt64
  ) throws -> (WeightedTextModel, fresh: [String]) {
    var fresh: [String] = []
    var tensors: [Tensor] = []
    for spec in model.parameters {
      guard let name = model.fileNames(of: spec.name).first(where: { file.type(of: $0) != nil })
      else {
        guard model.mayDraw(spec.name) else {
          throw ModelError(
            "\(file.path) has no tensor \(spec.name); give the weights of the model that "
              + "config.json describes, or choose another head")
        }
        fresh.append(spec.name)
        tensors.append(spec.drawn(seed: seed, .f32))
        continue
      }
      guard let type = file.type(of: name), type.shape == spec.shape, type.dtype.isFloatingPoint
      else {
        throw ModelError(
          "\(file.path) has \(name) as \(file.type(of: name).map { "\($0)" } ?? "nothing") where "
            + "config.json asks for \(spec.shape)")
      }
      let tensor = try file.tensor(named: name)
      try WeightCheck.requireFinite(tensor, named: name, in: file.path)
      tensors.append(tensor)
    }
    return (WeightedTextModel(model: model, parameters: tensors), fresh)
  }
}

extension TextModel {
  /// Names that a file may have a parameter under.
  func fileNames(of name: String) -> [String] {
    for prefix in ["bert.", "distilbert.", "transformer."] where name.hasPrefix(prefix) {
      return [name, String(name.dropFirst(prefix.count))]
    }
    // Old checkpoints call a masked language model's bias by the layer that it belongs to.
    return name == "cls.predictions.bias" ? [name, "cls.predictions.decoder.bias"] : [name]
  }

  /// Whether a parameter belongs to a classification head, which is new in every fine-tuning.
  fileprivate func mayDraw(_ name: String) -> Bool {
    guard case .classification = configuration.head else { return false }
    return name.hasPrefix("classifier.") || name.hasPrefix("score.")
      || name.hasPrefix("bert.pooler.") || name.hasPrefix("pre_classifier.")
  }
}
