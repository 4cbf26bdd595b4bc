import ModelIO
import TensorGraph

/// What a language model ends in, and with it what its loss is.
public enum TextHead: Hashable, Sendable {
  /// Logits of classes for each text: mean cross entropy over the batch.
  case classification(classes: Int)
  /// Logits of tokens at every position, for tokens that were masked (BERT): mean cross entropy over
  /// the labelled positions.
  case maskedLanguageModel
  /// Logits of the next token at every position (GPT-2): mean cross entropy over all of them.
  case languageModel

  /// Name on the command line and in records.
  public var name: String {
    switch self {
    case .classification: "classification"
    case .maskedLanguageModel: "masked language model"
    case .languageModel: "language model"
    }
  }
}

/// The nonlinearity within a language model's layers; raw values are those of `config.json`.
public enum TextActivation: String, Hashable, Sendable, CaseIterable {
  case gelu
  case geluNew = "gelu_new"
  case geluTanh = "gelu_pytorch_tanh"
  case relu
  case silu
  case swish
  case tanh

  func callAsFunction(_ value: Value) -> Value {
    switch self {
    case .gelu: value.gelu()
    case .geluNew, .geluTanh: value.geluTanh()
    case .relu: value.relu()
    case .silu, .swish: value.silu()
    case .tanh: value.tanh()
    }
  }
}

/// The sizes of a language model, as its `config.json` gives them.
public struct TextModelConfiguration: Hashable, Sendable {
  public enum Architecture: String, Hashable, Sendable, CaseIterable {
    /// Encoder with normalisation after each block (Devlin et al. 2019, arXiv 1810.04805).
    case bert
    /// The same without segments and pooling layer (Sanh et al. 2019, arXiv 1910.01108).
    case distilbert
    /// Causal decoder with normalisation before each block (Radford et al. 2019).
    case gpt2
  }

  public var architecture: Architecture
  public var vocabularySize: Int
  /// Features of each token.
  public var width: Int
  public var layers: Int
  public var heads: Int
  /// Features within each layer's two-layer perceptron.
  public var innerWidth: Int
  /// The longest text, in tokens.
  public var positions: Int
  /// Kinds of tokens (BERT's segments); 0 for decoders.
  public var segments: Int
  public var activation: TextActivation
  public var layerNormEpsilon: Double
  /// Whether a language model's last layer is its token embedding.
  public var tiesEmbeddings: Bool
  public var head: TextHead
  /// Standard deviation of freshly drawn weights.
  public var initializerRange: Double

  public init(
    architecture: Architecture, vocabularySize: Int, width: Int, layers: Int, heads: Int,
    innerWidth: Int? = nil, positions: Int, segments: Int? = nil,
    activation: TextActivation? = nil, layerNormEpsilon: Double? = nil,
    tiesEmbeddings: Bool = true, head: TextHead, initializerRange: Double = 0.02
  ) {
    self.architecture = architecture
    self.vocabularySize = vocabularySize
    self.width = width
    self.layers = layers
    self.heads = heads
    self.innerWidth = innerWidth ?? 4 * width
    self.positions = positions
    self.segments = segments ?? (architecture == .bert ? 2 : 0)
    self.activation = activation ?? (architecture == .gpt2 ? .geluNew : .gelu)
    self.layerNormEpsilon = layerNormEpsilon ?? (architecture == .gpt2 ? 1e-5 : 1e-12)
    self.tiesEmbeddings = tiesEmbeddings
    self.head = head
    self.initializerRange = initializerRange
  }

  /// Whether a token sees only those before it.
  public var isCausal: Bool { architecture == .gpt2 }

  /// Refuses sizes that are out of range or do not fit together.
  ///
  /// - Throws: ``ModelError``.
  func validate() throws(ModelError) {
    let sizes = [
      ("a vocabulary", vocabularySize, 1...4_000_000), ("a width", width, 1...65536),
      ("a number of layers", layers, 1...1000), ("a number of heads", heads, 1...1024),
      ("an inner width", innerWidth, 1...1_048_576),
      ("a number of positions", positions, 1...1_048_576),
    ]
    for (name, value, range) in sizes where !range.contains(value) {
      throw ModelError(
        "config.json: \(name) of \(value) is out of range; use \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    guard width % heads == 0 else {
      throw ModelError("config.json: \(heads) heads do not divide a width of \(width)")
    }
    if case .classification(let classes) = head, !(1...100_000).contains(classes) {
      throw ModelError("\(classes) classes are out of range; use 1 to 100000")
    }
    switch (architecture, head) {
    case (.bert, .languageModel), (.distilbert, .languageModel):
      throw ModelError("a BERT-type model has no next-token head; use classification or mlm")
    case (.gpt2, .maskedLanguageModel):
      throw ModelError("a GPT-2-type model has no masked-token head; use classification or lm")
    default: break
    }
  }
}

extension TextModelConfiguration {
  /// Reads a `config.json` of Hugging Face's `transformers`.
  ///
  /// - Parameter head: overrides the head that the file names.
  /// - Throws: ``ModelError`` when the model is of another kind or its sizes do not fit together,
  ///   ``FileError`` when the file cannot be read.
  public init(contentsOf path: String, head: TextHead? = nil) throws {
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
    let classes = json["id2label"]?.members?.count ?? json["num_labels"]?.integer ?? 2
    let head = head ?? TextModelConfiguration.head(json, architecture, classes: classes)
    for option in ["scale_attn_by_inverse_layer_idx", "is_decoder", "add_cross_attention"]
    where json[option]?.bool == true {
      throw ModelError("\(path) sets \(option), which is not supported")
    }
    let positionType = json["position_embedding_type"]?.string ?? "absolute"
    guard positionType == "absolute", json["scale_attn_weights"]?.bool ?? true else {
      throw ModelError(
        "\(path) asks for position embeddings of type \(positionType.quotedForMessage) or "
          + "attention that is not scaled, which is not supported")
    }
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
      initializerRange: json["initializer_range"]?.number ?? 0.02)
    try validate()
  }

  private static func head(
    _ json: JSONValue, _ architecture: Architecture, classes: Int
  ) -> TextHead {
    let name = json["architectures"]?.array?.first?.string ?? ""
    if name.hasSuffix("ForMaskedLM") { return .maskedLanguageModel }
    if name.hasSuffix("LMHeadModel") { return .languageModel }
    if name.hasSuffix("ForSequenceClassification") { return .classification(classes: classes) }
    return architecture == .gpt2 ? .languageModel : .classification(classes: classes)
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
