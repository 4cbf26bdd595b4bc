import Clients
import ModelIO
import TensorGraph

extension TextModelConfiguration {
  /// Reads a `config.json` of Hugging Face's `transformers`.
  ///
  /// - Parameter head: overrides the head that the file names.
  /// - Throws: ``ModelError`` when the model is of another kind or its sizes do not fit together,
  ///   ``FileError`` when the file cannot be read.
  package init(contentsOf path: String, head: TextHead? = nil) throws {
    let bytes = try InputFile.bytes(at: path, expected: "a config.json", limit: 16 << 20)
    try self.init(JSONValue(parsing: bytes, path: path), path: path, head: head)
  }

  package init(_ json: JSONValue, path: String, head: TextHead?) throws {
    func integer(_ key: String) throws -> Int {
      guard let value = json[key]?.integer else {
        throw ModelError("\(path) has no whole number \(key); give the config.json of the model")
      }
      return value
    }
    let type = json["model_type"]?.string ?? "none"
    guard let architecture = Architecture(rawValue: type) else {
      throw ModelError(
        "\(path) describes a model of type \(type.quotedForMessage); models of type bert, "
          + "distilbert and gpt2 are supported")
    }
    try TextConfigurationFields(architecture).check(json, path: path)
    let head = try head ?? TextModelConfiguration.head(json, architecture, path: path)
    let keys = ConfigurationKeys(architecture)
    let isGPT2 = architecture == .gpt2
    let activationName =
      json[keys.activation]?.string ?? (isGPT2 ? "gelu_new" : "gelu")
    guard let activation = TextActivation(rawValue: activationName) else {
      throw ModelError(
        "\(path) asks for the activation \(activationName.quotedForMessage); there are "
          + TextActivation.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self.init(
      architecture: architecture, vocabularySize: try integer("vocab_size"),
      width: try integer(keys.width), layers: try integer(keys.layers),
      heads: try integer(keys.heads),
      innerWidth: isGPT2 ? json[keys.innerWidth]?.integer : try integer(keys.innerWidth),
      positions: try integer(keys.positions),
      segments: architecture == .bert ? json["type_vocab_size"]?.integer ?? 2 : 0,
      activation: activation, layerNormEpsilon: keys.epsilon.flatMap { json[$0]?.number },
      tiesEmbeddings: json["tie_word_embeddings"]?.bool ?? true, head: head,
      loss: try TextModelConfiguration.loss(json, head, path: path),
      paddingToken: architecture.encoderNames == nil
        ? nil : json.has("pad_token_id") ? json["pad_token_id"]?.integer : 0,
      initializerRange: json["initializer_range"]?.number ?? 0.02)
    try validate()
  }

  private static func head(
    _ json: JSONValue, _ architecture: Architecture, path: String
  ) throws(ModelError) -> TextHead {
    let classes =
      json["id2label"]?.members?.count ?? json["num_labels"]?.integer
      ?? json["_num_labels"]?.integer ?? 2
    guard let name = json["architectures"]?.array?.first?.string else {
      return architecture == .gpt2 ? .languageModel : .classification(classes: classes)
    }
    if name.hasSuffix("ForMaskedLM") { return .maskedLanguageModel }
    if name.hasSuffix("LMHeadModel") { return .languageModel }
    if name.hasSuffix("ForSequenceClassification") { return .classification(classes: classes) }
    // A model without a head, or with the one of its first training, is the start of a fine-tuning.
    if ["Model", "ForPreTraining"].contains(where: name.hasSuffix), !name.hasSuffix("HeadsModel") {
      return architecture == .gpt2 ? .languageModel : .classification(classes: classes)
    }
    throw ModelError(
      advising: """
        \(path) is of a \(name.quotedForMessage), whose head and loss are not supported; models for the \
        classification of texts, masked and causal language models are, and \(.head) says which the \
        client trained
        """)
  }

  /// What a classifier is trained by, as `transformers` reads the file.
  private static func loss(
    _ json: JSONValue, _ head: TextHead, path: String
  ) throws(ModelError) -> TextLoss? {
    guard case .classification = head, let name = json["problem_type"]?.string else { return nil }
    guard let loss = TextLoss(rawValue: name) else {
      throw ModelError(
        "\(path) asks for the problem_type \(name.quotedForMessage); there are "
          + TextLoss.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return loss
  }
}

/// What `config.json` calls the sizes of a model.
private struct ConfigurationKeys {
  let width: String
  let layers: String
  let heads: String
  let innerWidth: String
  let positions: String
  let activation: String
  /// Nil where it is the same for all models of the kind.
  let epsilon: String?

  init(_ architecture: TextModelConfiguration.Architecture) {
    switch architecture {
    case .bert:
      (width, layers, heads) = ("hidden_size", "num_hidden_layers", "num_attention_heads")
      (innerWidth, positions) = ("intermediate_size", "max_position_embeddings")
      (activation, epsilon) = ("hidden_act", "layer_norm_eps")
    case .distilbert:
      (width, layers, heads) = ("dim", "n_layers", "n_heads")
      (innerWidth, positions) = ("hidden_dim", "max_position_embeddings")
      (activation, epsilon) = ("activation", nil)
    case .gpt2:
      (width, layers, heads) = ("n_embd", "n_layer", "n_head")
      (innerWidth, positions) = ("n_inner", "n_positions")
      (activation, epsilon) = ("activation_function", "layer_norm_epsilon")
    }
  }
}
