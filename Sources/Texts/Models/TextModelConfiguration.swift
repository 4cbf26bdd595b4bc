import Clients
import ModelIO
import TensorGraph

/// What a language model ends in, and with it what its loss is.
package enum TextHead: Hashable, Sendable {
  /// Logits of classes for each text: by default mean cross entropy over the batch.
  case classification(classes: Int)
  /// Logits of tokens at every position, for tokens that were masked (BERT): mean cross entropy over
  /// the labelled positions.
  case maskedLanguageModel
  /// Logits of the next token at every position (GPT-2): mean cross entropy over all of them.
  case languageModel

  /// Name on the command line and in records.
  package var name: String {
    switch self {
    case .classification: "classification"
    case .maskedLanguageModel: "masked language model"
    case .languageModel: "language model"
    }
  }
}

/// The nonlinearity within a language model's layers; raw values are those of `config.json`.
package enum TextActivation: String, Hashable, Sendable, CaseIterable {
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
package struct TextModelConfiguration: Hashable, Sendable {
  package enum Architecture: String, Hashable, Sendable, CaseIterable {
    /// Encoder with normalisation after each block (Devlin et al. 2019, arXiv 1810.04805).
    case bert
    /// The same without segments and pooling layer (Sanh et al. 2019, arXiv 1910.01108).
    case distilbert
    /// Causal decoder with normalisation before each block (Radford et al. 2019).
    case gpt2
  }

  package var architecture: Architecture
  package var vocabularySize: Int
  /// Features of each token.
  package var width: Int
  package var layers: Int
  package var heads: Int
  /// Features within each layer's two-layer perceptron.
  package var innerWidth: Int
  /// The longest text, in tokens.
  package var positions: Int
  /// Kinds of tokens (BERT's segments); 0 for decoders.
  package var segments: Int
  package var activation: TextActivation
  package var layerNormEpsilon: Double
  /// Whether a language model's last layer is its token embedding.
  package var tiesEmbeddings: Bool
  package var head: TextHead
  /// What a classification head is trained by; of no account for other heads.
  package var loss: TextLoss
  /// The token whose embedding is not trained, as PyTorch's `padding_idx`; nil for none.
  package var paddingToken: Int?
  /// Standard deviation of freshly drawn weights.
  package var initializerRange: Double

  package init(
    architecture: Architecture, vocabularySize: Int, width: Int, layers: Int, heads: Int,
    innerWidth: Int? = nil, positions: Int, segments: Int? = nil,
    activation: TextActivation? = nil, layerNormEpsilon: Double? = nil,
    tiesEmbeddings: Bool = true, head: TextHead, loss: TextLoss? = nil,
    paddingToken: Int? = nil, initializerRange: Double = 0.02
  ) {
    self.architecture = architecture
    self.vocabularySize = vocabularySize
    self.width = width
    self.layers = layers
    self.heads = heads
    // Of any number: `validate` comes later.
    self.innerWidth = innerWidth ?? 4 &* width
    self.positions = positions
    self.segments = segments ?? (architecture == .bert ? 2 : 0)
    self.activation = activation ?? (architecture == .gpt2 ? .geluNew : .gelu)
    self.layerNormEpsilon = layerNormEpsilon ?? (architecture == .gpt2 ? 1e-5 : 1e-12)
    self.tiesEmbeddings = tiesEmbeddings
    self.head = head
    if case .classification(let classes) = head {
      self.loss = loss ?? .usual(classes: classes)
    } else {
      self.loss = .crossEntropy
    }
    self.paddingToken = paddingToken
    self.initializerRange = initializerRange
  }

  /// Whether a token sees only those before it.
  package var isCausal: Bool { architecture == .gpt2 }

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
    guard layerNormEpsilon >= 0, layerNormEpsilon < 1 else {
      throw ModelError(
        "config.json: a normalisation's epsilon of \(layerNormEpsilon) is out of range; use 0 to 1")
    }
    guard initializerRange >= 0, initializerRange <= 1000 else {
      throw ModelError(
        "config.json: an initializer_range of \(initializerRange) is out of range; use 0 to 1000")
    }
    guard (0...1_048_576).contains(segments) else {
      throw ModelError(
        "config.json: a type_vocab_size of \(segments) is out of range; use 0 to 1048576")
    }
    if let paddingToken, !(0..<vocabularySize).contains(paddingToken) {
      throw ModelError(
        "config.json: the pad_token_id \(paddingToken) is none of \(vocabularySize) tokens; give the "
          + "model's own config.json")
    }
    if case .classification(let classes) = head {
      guard (1...100_000).contains(classes) else {
        throw ModelError("\(classes) classes are out of range; use 1 to 100000")
      }
      guard classes > 1 || loss != .crossEntropy else {
        throw ModelError(
          advising: """
            a classifier with one label under cross entropy has a gradient of exactly zero, whatever the \
            text is, and nothing can be read or shown to be safe; set problem_type to regression or \
            multi_label_classification, or give \(.classes, 2) or more
            """)
      }
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
