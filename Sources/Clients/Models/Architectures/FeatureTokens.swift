import TensorGraph

extension ModelCatalog {
  /// A transformer of rows of tables (Gorishniy et al. 2021, arXiv 2106.11959, section 3.3): every number times a vector of its own
  /// and every word's vector, each with a bias of its column, are tokens beside a class token; `depth` blocks of
  /// attention in 8 heads and ReGLU, normalised first but for the first attention, read them. Names and shapes are those of
  /// `FTTransformer` in the authors' package rtdl_revisiting_models, with `cont_embeddings` and `cat_embeddings`.
  ///
  /// The columns of words come from the table; without one all inputs are numbers.
  static let featureTokens = Architecture(
    name: "ft-transformer",
    summary: "a transformer of table rows: a token for every column (FT-Transformer)",
    defaults: ModelConfiguration(
      inputShape: [1, 1, 16], classCount: 2, activation: .relu, width: 192, depth: 3),
    requirement: { configuration in
      configuration.inputShape.elementCount <= columnLimit
        ? nil : "at most \(columnLimit) inputs, each of which is a token"
    }
  ) { configuration, scope, rows in
    let features = configuration.width
    let count = rows.shape[0]
    let summary = scope["cls_embedding"].parameter(
      "weight", [features], .kaimingUniform(fanIn: features))
    let tokens = columnTokens(
      scope, rows.flattenedPerSample(), words: configuration.embedded, features: features)
    var x = Value.concatenate(
      [summary.reshape(to: [1, 1, features]).broadcast(to: [count, 1, features])] + tokens, axis: 1)
    for block in 0..<(configuration.depth ?? 3) {
      x = ColumnBlock(
        scope["backbone.blocks.\(block)"], features: features, configuration.activation,
        isFirst: block == 0)(x)
    }
    x = x.slice(axis: 1, 0..<1).reshape(to: [count, features])
    x = configuration.activation(scope["backbone.output.normalization"].layerNorm(x))
    return scope["backbone.output.linear"].linear(x, to: configuration.classCount)
  }
}

/// Attention takes the square of the tokens.
private let columnLimit = 1024

/// The tokens [N, 1, D] or more of all columns: those of numbers first, as the authors' model has them.
private func columnTokens(
  _ scope: ForwardScope, _ inputs: Value, words: [Range<Int>], features: Int
) -> [Value] {
  let count = inputs.shape[0]
  let usual = Initializer.kaimingUniform(fanIn: features)
  let isWord = Set(words.flatMap { Array($0) })
  let numbers = (0..<inputs.shape[1]).filter { !isWord.contains($0) }
  var tokens: [Value] = []
  if !numbers.isEmpty {
    let own = scope["cont_embeddings"]
    let weight = own.parameter("weight", [numbers.count, features], usual)
    let bias = own.parameter("bias", [numbers.count, features], usual)
    // Neighbouring columns as one slice.
    var runs: [Range<Int>] = []
    for number in numbers {
      if runs.last?.upperBound == number {
        runs[runs.count - 1] = runs[runs.count - 1].lowerBound..<number + 1
      } else {
        runs.append(number..<number + 1)
      }
    }
    let values = Value.concatenate(runs.map { inputs.slice(axis: 1, $0) }, axis: 1)
      .reshape(to: [count, numbers.count, 1])
    tokens.append(values * weight + bias)
  }
  if !words.isEmpty {
    let own = scope["cat_embeddings"]
    // The bias first, as the authors' module has it.
    let bias = own.parameter("bias", [words.count, features], usual)
    let rows = words.enumerated().map { index, block in
      let table = own["embeddings.\(index)"].parameter("weight", [block.count, features], usual)
      return inputs.slice(axis: 1, block).matmul(table).reshape(to: [count, 1, features])
    }
    tokens.append(Value.concatenate(rows, axis: 1) + bias)
  }
  return tokens
}

/// The parameters of one block, read in the order of the authors' modules.
private struct ColumnBlock {
  private typealias Layer = (weight: Value, bias: Value)

  private let activation: Activation
  private let features: Int
  private let projections: [Layer]
  private let output: Layer
  private let feedForwardNormalization: Layer
  private let feedForward: [Layer]
  /// Nil in the first block, whose attention reads the tokens as they are.
  private let attentionNormalization: Layer?

  init(_ scope: ForwardScope, features: Int, _ activation: Activation, isFirst: Bool) {
    func layer(_ name: String, _ inputs: Int, _ outputs: Int, isZero: Bool = false) -> Layer {
      let usual = Initializer.kaimingUniform(fanIn: inputs)
      let own = scope[name]
      return (
        own.parameter("weight", [outputs, inputs], usual),
        own.parameter("bias", [outputs], isZero ? .zeros : usual)
      )
    }
    func normalization(_ name: String) -> Layer {
      let own = scope[name]
      return (
        own.parameter("weight", [features], .ones), own.parameter("bias", [features], .zeros)
      )
    }
    (self.activation, self.features) = (activation, features)
    projections = ["W_q", "W_k", "W_v"].map {
      layer("attention.\($0)", features, features, isZero: true)
    }
    output = layer("attention.W_out", features, features, isZero: true)
    feedForwardNormalization = normalization("ffn_normalization")
    // ReGLU's two halves take as many parameters as an ordinary layer of twice the width.
    let hidden = features * 4 / 3
    feedForward = [
      layer("ffn.linear1", features, 2 * hidden), layer("ffn.linear2", hidden, features),
    ]
    attentionNormalization = isFirst ? nil : normalization("attention_normalization")
  }

  /// Attention among the columns, then ReGLU, each normalised first and added to its input: [N, T, D] -> [N, T, D].
  func callAsFunction(_ input: Value) -> Value {
    let read = attentionNormalization.map { input.layerNorm(weight: $0.weight, bias: $0.bias) }
    let x = input + attention(read ?? input)
    let normalized = x.layerNorm(
      weight: feedForwardNormalization.weight, bias: feedForwardNormalization.bias)
    let both = apply(feedForward[0], normalized)
    let hidden = both.shape[2] / 2
    let gated =
      both.slice(axis: 2, 0..<hidden) * activation(both.slice(axis: 2, hidden..<2 * hidden))
    return x + apply(feedForward[1], gated)
  }

  private func apply(_ layer: Layer, _ input: Value) -> Value {
    input.linear(weight: layer.weight, bias: layer.bias)
  }

  /// softmax(Q Kᵀ / √d) V in each head.
  private func attention(_ input: Value) -> Value {
    let (count, tokens) = (input.shape[0], input.shape[1])
    let heads = columnHeads(features)
    let size = features / heads
    let split = projections.map {
      apply($0, input).reshape(to: [count, tokens, heads, size]).transpose([0, 2, 1, 3])
    }
    let scores = (split[0] * (1 / Double(size).squareRoot())).matmul(split[1], transposeB: true)
    let mixed = scores.softmax().matmul(split[2])
      .transpose([0, 2, 1, 3]).reshape(to: [count, tokens, features])
    return apply(output, mixed)
  }
}

/// Eight, or fewer where the features do not go round.
private func columnHeads(_ features: Int) -> Int {
  [8, 4, 2].first { features.isMultiple(of: $0) } ?? 1
}
