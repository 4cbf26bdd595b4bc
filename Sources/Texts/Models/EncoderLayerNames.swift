import Clients

/// What the parts of an encoder's layers are called, by its kind.
struct EncoderLayerNames {
  /// The part below the head.
  let root: String
  /// Where the layers are, within the root.
  let layers: String
  let query: String
  let key: String
  let value: String
  /// The layer that reads the attention's output, and the normalisation after it.
  let attentionOutput: String
  let attentionNorm: String
  /// The two layers of the perceptron, and the normalisation after it.
  let inner: String
  let outer: String
  let outputNorm: String

  static let bert = EncoderLayerNames(
    root: "bert", layers: "encoder.layer", query: "attention.self.query",
    key: "attention.self.key", value: "attention.self.value",
    attentionOutput: "attention.output.dense", attentionNorm: "attention.output.LayerNorm",
    inner: "intermediate.dense", outer: "output.dense", outputNorm: "output.LayerNorm")

  static let distilbert = EncoderLayerNames(
    root: "distilbert", layers: "transformer.layer", query: "attention.q_lin",
    key: "attention.k_lin", value: "attention.v_lin", attentionOutput: "attention.out_lin",
    attentionNorm: "sa_layer_norm", inner: "ffn.lin1", outer: "ffn.lin2",
    outputNorm: "output_layer_norm")
}

extension TextModelConfiguration.Architecture {
  /// The names of an encoder's parts; nil for decoders.
  var encoderNames: EncoderLayerNames? {
    switch self {
    case .bert: .bert
    case .distilbert: .distilbert
    case .gpt2: nil
    }
  }
}
