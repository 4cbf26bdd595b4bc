import Clients
import TensorGraph

/// The forward pass of a BERT- or GPT-2-type model, reading its parameters from a scope.
struct TextForwardPass {
  let configuration: TextModelConfiguration
  let scope: ForwardScope

  init(_ configuration: TextModelConfiguration, _ scope: ForwardScope) {
    self.configuration = configuration
    self.scope = scope
  }

  private var encoder: EncoderLayerNames? { configuration.architecture.encoderNames }
  private var isEncoder: Bool { encoder != nil }
  private var root: ForwardScope { scope[encoder?.root ?? "transformer"] }
  private var embeddings: ForwardScope { isEncoder ? root["embeddings"] : root }
  private var weights: Initializer {
    .normal(standardDeviation: configuration.initializerRange)
  }

  private var tokenTable: Value {
    embeddings[isEncoder ? "word_embeddings" : "wte"].parameter(
      "weight", [configuration.vocabularySize, configuration.width], weights)
  }

  private var positionTable: Value {
    embeddings[isEncoder ? "position_embeddings" : "wpe"].parameter(
      "weight", [configuration.positions, configuration.width], weights)
  }

  /// - Parameters:
  ///   - tokens: [N, T] token numbers.
  ///   - mask: [N, T], 1 for tokens and 0 for padding.
  ///   - segments: of the tokens, [N, T]; nil where all are in the first.
  func forward(tokens: Value, mask: Value, segments: Value? = nil) -> TextForward {
    forward(embedded: lookUp(tokens), mask: mask, segments: segments)
  }

  /// - Parameter embedded: token embeddings [N, T, d], such as dummies.
  func forward(embedded: Value, mask: Value, segments: Value? = nil) -> TextForward {
    let bias = attentionBias(mask)
    var hidden = firstHidden(embedded, segments)
    var attentionInputs: [Value] = []
    for layer in 0..<configuration.layers {
      attentionInputs.append(attentionInput(hidden, layer: layer))
      hidden = block(hidden, attentionInput: attentionInputs[layer], bias: bias, layer: layer)
    }
    let (logits, features) = head(hidden, mask: mask)
    return TextForward(logits: logits, attentionInputs: attentionInputs, features: features)
  }

  /// What layer `layer` reads in attention, [N, T, d]: no later layer is run.
  func attentionInput(embedded: Value, mask: Value, layer: Int) -> Value {
    let bias = attentionBias(mask)
    var hidden = firstHidden(embedded, nil)
    for previous in 0..<layer {
      hidden = block(
        hidden, attentionInput: attentionInput(hidden, layer: previous), bias: bias,
        layer: previous)
    }
    return attentionInput(hidden, layer: layer)
  }

  /// What the first layer reads for token embeddings [C, d] that stand where the position embedding
  /// is `position`, [d] or one for each [C, d]: [C, d].
  func firstAttentionInput(tokenRows: Value, position: Value) -> Value {
    var sum = tokenRows + position
    if configuration.segments > 0 { sum = sum + segmentRow }
    let hidden = isEncoder ? layerNorm(sum, embeddings["LayerNorm"]) : sum
    return attentionInput(hidden, layer: 0)
  }

  /// Queries, keys and values of the first layer, [C, d] each, for tokens whose embeddings are
  /// `tokenRows` [C, d] at the positions whose embeddings are `positionRows` [C, d].
  func firstProjections(tokenRows: Value, positionRows: Value) -> [Value] {
    let input = firstAttentionInput(tokenRows: tokenRows, position: positionRows)
    let single = input.reshape(to: [1, input.shape[0], input.shape[1]])
    return projections(single, layer: 0).map { $0.reshape(to: input.shape) }
  }

  // MARK: - Embedding

  /// Rows of the token embedding.
  func lookUp(_ tokens: Value) -> Value { rows(tokens, of: tokenTable) }

  /// Rows of a table [R, d] at indices [N, T]: [N, T, d].
  private func rows(_ indices: Value, of table: Value) -> Value {
    let (count, length) = (indices.shape[0], indices.shape[1])
    let (size, width) = (table.shape[0], table.shape[1])
    return table.reshape(to: [1, size, width])
      .gather(indices.reshape(to: [1, count * length])).reshape(to: [count, length, width])
  }

  private var segmentTable: Value {
    embeddings["token_type_embeddings"]
      .parameter("weight", [configuration.segments, configuration.width], weights)
  }

  /// The embedding of segment 0, which all tokens of a single text belong to.
  private var segmentRow: Value {
    segmentTable.slice(axis: 0, 0..<1).reshape(to: [configuration.width])
  }

  private func firstHidden(_ embedded: Value, _ segments: Value?) -> Value {
    let length = embedded.shape[1]
    precondition(
      length <= configuration.positions,
      "\(length) tokens for \(configuration.positions) positions")
    let positions = positionTable.slice(axis: 0, 0..<length)
    var sum = embedded + positions
    if configuration.segments > 0 {
      sum = sum + (segments.map { rows($0, of: segmentTable) } ?? segmentRow)
    }
    return isEncoder ? layerNorm(sum, embeddings["LayerNorm"]) : sum
  }

  // MARK: - Layers

  /// 0 where a query may look at a key, else so far below that its softmax is exactly 0:
  /// [N, 1, 1, T], or [N, 1, T, T] for a decoder.
  private func attentionBias(_ mask: Value) -> Value {
    let (count, length) = (mask.shape[0], mask.shape[1])
    let padding = ((mask - 1) * 1e9).reshape(to: [count, 1, 1, length])
    guard configuration.isCausal else { return padding }
    let square: Shape = [length, length]
    let isLater = mask.builder.iota(square, axis: 0).less(than: mask.builder.iota(square, axis: 1))
    let causal = isLater.convert(to: mask.dtype) * -1e9
    return padding + causal.reshape(to: [1, 1, length, length])
  }

  private func layerScope(_ layer: Int) -> ForwardScope {
    root[encoder?.layers ?? "h"]["\(layer)"]
  }

  private func attentionInput(_ hidden: Value, layer: Int) -> Value {
    isEncoder ? hidden : layerNorm(hidden, layerScope(layer)["ln_1"])
  }

  private func block(
    _ hidden: Value, attentionInput: Value, bias: Value, layer: Int
  ) -> Value {
    let scope = layerScope(layer)
    guard let encoder else {
      let mixed = attention(projections(attentionInput, layer: layer), bias)
      let attended =
        hidden + columnLinear(mixed, scope["attn"]["c_proj"], to: configuration.width)
      let inner = columnLinear(
        layerNorm(attended, scope["ln_2"]), scope["mlp"]["c_fc"], to: configuration.innerWidth)
      return attended
        + columnLinear(
          configuration.activation(inner), scope["mlp"]["c_proj"], to: configuration.width)
    }
    let mixed = attention(projections(attentionInput, layer: layer), bias)
    let attended = layerNorm(
      linear(mixed, scope[encoder.attentionOutput], to: configuration.width) + hidden,
      scope[encoder.attentionNorm])
    let inner = configuration.activation(
      linear(attended, scope[encoder.inner], to: configuration.innerWidth))
    return layerNorm(
      linear(inner, scope[encoder.outer], to: configuration.width) + attended,
      scope[encoder.outputNorm])
  }

  /// Queries, keys and values, [N, T, d] each.
  private func projections(_ input: Value, layer: Int) -> [Value] {
    let (scope, width) = (layerScope(layer), configuration.width)
    if let encoder {
      return [encoder.query, encoder.key, encoder.value].map {
        linear(input, scope[$0], to: width)
      }
    }
    let all = columnLinear(input, scope["attn"]["c_attn"], to: 3 * width)
    return (0..<3).map { all.slice(axis: 2, $0 * width..<($0 + 1) * width) }
  }

  /// Scaled dot-product attention of several heads (Vaswani et al. 2017, arXiv 1706.03762, equation 1):
  /// queries, keys and values [N, T, d] -> [N, T, d].
  private func attention(_ projections: [Value], _ bias: Value) -> Value {
    let (count, length) = (projections[0].shape[0], projections[0].shape[1])
    let heads = configuration.heads
    let headWidth = configuration.width / heads
    let parts = projections.map {
      $0.reshape(to: [count, length, heads, headWidth]).transpose([0, 2, 1, 3])
    }
    let scores = parts[0].matmul(parts[1], transposeB: true) / Double(headWidth).squareRoot()
    return (scores + bias).softmax().matmul(parts[2])
      .transpose([0, 2, 1, 3]).reshape(to: [count, length, configuration.width])
  }

  // MARK: - Head

  private func head(_ hidden: Value, mask: Value) -> (logits: Value, features: Value) {
    switch configuration.head {
    case .classification(let classes):
      let features = isEncoder ? pooled(hidden) : lastToken(of: hidden, mask: mask)
      if isEncoder { return (linear(features, scope["classifier"], to: classes), features) }
      let weight = scope["score"].parameter("weight", [classes, configuration.width], weights)
      return (features.linear(weight: weight), features)
    case .maskedLanguageModel where configuration.architecture == .distilbert:
      let states = layerNorm(
        configuration.activation(
          linear(hidden, scope["vocab_transform"], to: configuration.width)),
        scope["vocab_layer_norm"])
      let projector = scope["vocab_projector"]
      let weight = outputTable(projector)
      let bias = projector.parameter("bias", [configuration.vocabularySize], .zeros)
      return (states.linear(weight: weight, bias: bias), states)
    case .maskedLanguageModel:
      let predictions = scope["cls"]["predictions"]
      let bias = predictions.parameter("bias", [configuration.vocabularySize], .zeros)
      let transform = predictions["transform"]
      let states = layerNorm(
        configuration.activation(linear(hidden, transform["dense"], to: configuration.width)),
        transform["LayerNorm"])
      return (states.linear(weight: outputTable(predictions["decoder"]), bias: bias), states)
    case .languageModel:
      let states = layerNorm(hidden, root["ln_f"])
      return (states.linear(weight: outputTable(scope["lm_head"])), states)
    }
  }

  private func outputTable(_ scope: ForwardScope) -> Value {
    configuration.tiesEmbeddings
      ? tokenTable
      : scope.parameter("weight", [configuration.vocabularySize, configuration.width], weights)
  }

  private func pooled(_ hidden: Value) -> Value {
    let first = hidden.slice(axis: 1, 0..<1).reshape(to: [hidden.shape[0], configuration.width])
    return configuration.architecture == .bert
      ? linear(first, root["pooler"]["dense"], to: configuration.width).tanh()
      : linear(first, scope["pre_classifier"], to: configuration.width).relu()
  }

  /// The states of the last token of each text: [N, d].
  private func lastToken(of hidden: Value, mask: Value) -> Value {
    let states = layerNorm(hidden, root["ln_f"])
    let places = mask.builder.iota(mask.shape, axis: 1).convert(to: mask.dtype)
    let last = (mask * places).max(axes: [1], keepsAxes: true).convert(to: .i32)
    return states.gather(last).reshape(to: [hidden.shape[0], configuration.width])
  }

  // MARK: - Layers of PyTorch

  private func layerNorm(_ input: Value, _ scope: ForwardScope) -> Value {
    scope.layerNorm(input, epsilon: configuration.layerNormEpsilon)
  }

  private func linear(_ input: Value, _ scope: ForwardScope, to features: Int) -> Value {
    scope.linear(input, to: features, weight: weights, bias: .zeros)
  }

  /// `Conv1D` of GPT-2: a fully connected layer whose weight is [in, out].
  private func columnLinear(_ input: Value, _ scope: ForwardScope, to features: Int) -> Value {
    let (count, length, width) = (input.shape[0], input.shape[1], input.shape[2])
    let weight = scope.parameter("weight", [width, features], weights)
    let bias = scope.parameter("bias", [features], .zeros)
    return (input.reshape(to: [count * length, width]).matmul(weight) + bias)
      .reshape(to: [count, length, features])
  }
}
