import Clients
import TensorGraph

/// What a language model's forward pass gives.
package struct TextForward {
  /// [N, K] for a classification head, [N, T, V] for the others.
  package let logits: Value
  /// What each layer's query, key and value projections read, [N, T, d] (after the normalisation that
  /// precedes them).
  package let attentionInputs: [Value]
  /// What the last layer reads: [N, d] for a classification head, [N, T, d] for the others.
  package let features: Value
}

/// A language model: a forward pass, and the tensors it reads under the names that Hugging Face's
/// `transformers` gives them.
///
/// A value: it holds no weights. Dropout is off, as in evaluation or with rates of 0.
package struct TextModel: Sendable {
  package let configuration: TextModelConfiguration
  /// Trained parameters, in the order of PyTorch's `named_parameters()`; tied ones once.
  package let parameters: [ParameterSpec]

  /// - Throws: ``ModelError`` when sizes are out of range or do not fit together.
  package init(_ configuration: TextModelConfiguration) throws(ModelError) {
    try configuration.validate()
    self.configuration = configuration
    let builder = GraphBuilder()
    let context = ForwardContext(
      mode: .evaluation, builder: builder, dtype: .f32, values: nil)
    let body = TextForwardPass(configuration, ForwardScope(context: context, path: ""))
    let length = min(2, configuration.positions)
    _ = body.forward(
      tokens: builder.input("tokens", [1, length], .i32),
      mask: builder.input("mask", [1, length], .f32))
    parameters = context.parameters
    guard parameterCount <= Architecture.largestParameterCount else {
      throw ModelError("the model would have \(parameterCount) parameters, too many to run")
    }
  }

  package var name: String { configuration.architecture.rawValue }

  /// Number of trained numbers.
  package var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.elementCount } }

  /// Names of the parameters that attacks look at.
  package var names: TextParameterNames { TextParameterNames(configuration) }

  /// Rows of logits that have labels in a batch of `batchSize` texts of `length` tokens.
  package func labelCount(batchSize: Int, length: Int) -> Int {
    switch configuration.head {
    case .classification: batchSize
    case .maskedLanguageModel: batchSize * length
    case .languageModel: batchSize * max(length - 1, 0)
    }
  }

  /// Number of classes that a label is one of: of texts, or of tokens.
  package var labelClasses: Int {
    if case .classification(let classes) = configuration.head { return classes }
    return configuration.vocabularySize
  }

  /// The logits that labels are compared with: [rows, classes], as many rows as ``labelCount``.
  func labelledLogits(_ logits: Value) -> Value {
    switch configuration.head {
    case .classification:
      return logits
    case .maskedLanguageModel:
      return logits.reshape(to: [logits.shape[0] * logits.shape[1], logits.shape[2]])
    case .languageModel:
      // The last position predicts a token that is not there.
      let predicting = logits.slice(axis: 1, 0..<max(logits.shape[1] - 1, 0))
      return predicting.reshape(
        to: [predicting.shape[0] * predicting.shape[1], predicting.shape[2]])
    }
  }
}

/// Where the interesting tensors of a language model's update are.
package struct TextParameterNames: Sendable {
  /// Token embedding [V, d].
  package let tokenEmbedding: String
  /// Position embedding [positions, d].
  package let positionEmbedding: String
  /// Segment embedding [segments, d]; nil for decoders.
  package let segmentEmbedding: String?
  /// The classification layer's weight [classes, d]; nil for other heads.
  package let classifier: String?
  /// The classification layer's bias [classes]; nil for other heads and for decoders, which have none.
  package let classifierBias: String?
  /// The last layer's weight: of classes [classes, d], or of tokens [V, d].
  package let output: String
  /// The bias [V] of a masked language model's last layer.
  package let tokenBias: String?
  private let encoder: EncoderLayerNames?

  init(_ configuration: TextModelConfiguration) {
    encoder = configuration.architecture.encoderNames
    let tied = configuration.tiesEmbeddings
    let isClassifier = if case .classification = configuration.head { true } else { false }
    if let encoder {
      let isBert = configuration.architecture == .bert
      tokenEmbedding = encoder.root + ".embeddings.word_embeddings.weight"
      positionEmbedding = encoder.root + ".embeddings.position_embeddings.weight"
      segmentEmbedding =
        configuration.segments > 0 ? encoder.root + ".embeddings.token_type_embeddings.weight" : nil
      classifier = isClassifier ? "classifier.weight" : nil
      classifierBias = isClassifier ? "classifier.bias" : nil
      let decoder = isBert ? "cls.predictions.decoder.weight" : "vocab_projector.weight"
      output = classifier ?? (tied ? tokenEmbedding : decoder)
      tokenBias =
        configuration.head == .maskedLanguageModel
        ? (isBert ? "cls.predictions.bias" : "vocab_projector.bias") : nil
    } else {
      tokenEmbedding = "transformer.wte.weight"
      positionEmbedding = "transformer.wpe.weight"
      segmentEmbedding = nil
      classifier = isClassifier ? "score.weight" : nil
      classifierBias = nil
      output = classifier ?? (tied ? tokenEmbedding : "lm_head.weight")
      tokenBias = nil
    }
  }

  /// The layer that reads the attention's output: its gradient is made of those outputs.
  package func attentionOutput(layer: Int) -> (names: [String], inputsAreRows: Bool) {
    encoder.map { (["\($0.root).\($0.layers).\(layer).\($0.attentionOutput).weight"], false) }
      ?? (["transformer.h.\(layer).attn.c_proj.weight"], true)
  }

  /// The projections of a layer whose gradients are combinations of the layer's attention inputs, and
  /// whether those inputs index their rows ([in, out], GPT-2) or columns ([out, in], BERT).
  package func projections(layer: Int) -> (names: [String], inputsAreRows: Bool) {
    encoder.map { encoder in
      (
        [encoder.query, encoder.key, encoder.value].map {
          "\(encoder.root).\(encoder.layers).\(layer).\($0).weight"
        }, false
      )
    }
      ?? (["transformer.h.\(layer).attn.c_attn.weight"], true)
  }
}
