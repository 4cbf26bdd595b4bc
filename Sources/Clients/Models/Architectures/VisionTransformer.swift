import TensorGraph

extension ModelCatalog {
  /// A small vision transformer (Dosovitskiy et al. 2020, arXiv 2010.11929, section 3.1) for small
  /// images: patches of 4x4, `depth` blocks (6) of `width` features (192, as ViT-Tiny) in 3 heads,
  /// class token, learned positions. Names and initialisers are timm's `VisionTransformer`.
  static let visionTransformer = transformer(
    "vit", "a small vision transformer: 4x4 patches, 3 heads, GELU", isFirstBare: false)

  /// The same with the first attention as APRIL needs it (Lu et al. 2022, arXiv 2112.14087, section 4):
  /// it reads the embedded patches without normalisation, and no skip connection goes around it.
  static let aprilTransformer = transformer(
    "vit-april", "the small vision transformer whose first attention reads the patches directly",
    isFirstBare: true)
}

/// - Parameter isFirstBare: whether the first attention has neither normalisation nor skip connection.
private func transformer(_ name: String, _ summary: String, isFirstBare: Bool) -> Architecture {
  Architecture(
    name: name, summary: summary,
    defaults: ModelConfiguration(
      inputShape: [3, 32, 32], classCount: 10, activation: .gelu, width: 192, depth: 6),
    requirement: { configuration in
      let (height, width) = (configuration.inputShape[1], configuration.inputShape[2])
      if height % patchSize != 0 || width % patchSize != 0 {
        return "images whose height and width are multiples of \(patchSize)"
      }
      return configuration.width % headCount == 0
        ? nil : "a width that is a multiple of \(headCount)"
    },
    forward: { configuration, scope, images in
      let features = configuration.width
      let token = scope.parameter("cls_token", [1, 1, features], .normal(standardDeviation: 1e-6))
      let patchCount = images.shape[2] / patchSize * (images.shape[3] / patchSize)
      let positions = scope.parameter(
        "pos_embed", [1, patchCount + 1, features], transformerNormal)
      let patches = scope["patch_embed.proj"].convolution(
        images, to: features, kernel: patchSize, stride: patchSize)
      let count = images.shape[0]
      var x = patches.reshape(to: [count, features, patchCount]).matrixTranspose()
      x = Value.concatenate([token.broadcast(to: [count, 1, features]), x], axis: 1) + positions
      for block in 0..<(configuration.depth ?? 6) {
        x = transformerBlock(
          scope["blocks.\(block)"], x, configuration.activation,
          isBare: isFirstBare && block == 0)
      }
      x = scope["norm"].layerNorm(x, epsilon: transformerEpsilon)
      let summary = x.slice(axis: 1, 0..<1).reshape(to: [count, features])
      return scope["head"].transformerLinear(summary, to: configuration.classCount)
    })
}

private let patchSize = 4
private let headCount = 3
/// The epsilon of timm's vision transformers; PyTorch's default is 1e-5.
private let transformerEpsilon = 1e-6
/// timm's `trunc_normal_(std=.02)`, cut at ±2.
private let transformerNormal = Initializer.truncatedNormal(standardDeviation: 0.02, bound: 2)

/// Attention, then two fully connected layers per token, each normalised first and added to its
/// input: [N, T, D] -> [N, T, D].
private func transformerBlock(
  _ scope: ForwardScope, _ input: Value, _ activation: Activation, isBare: Bool
) -> Value {
  let features = input.shape[2]
  let x: Value
  if isBare {
    x = selfAttention(scope["attn"], input)
  } else {
    let normalized = scope["norm1"].layerNorm(input, epsilon: transformerEpsilon)
    x = input + selfAttention(scope["attn"], normalized)
  }
  var hidden = scope["norm2"].layerNorm(x, epsilon: transformerEpsilon)
  hidden = activation(scope["mlp.fc1"].transformerLinear(hidden, to: 4 * features))
  return x + scope["mlp.fc2"].transformerLinear(hidden, to: features)
}

/// softmax(Q Kᵀ / √d) V in each head (Vaswani et al. 2017, arXiv 1706.03762, section 3.2):
/// [N, T, D] -> [N, T, D].
private func selfAttention(_ scope: ForwardScope, _ input: Value) -> Value {
  let (count, tokens, features) = (input.shape[0], input.shape[1], input.shape[2])
  let headSize = features / headCount
  let projections = scope["qkv"].transformerLinear(input, to: 3 * features)
    .reshape(to: [count, tokens, 3, headCount, headSize])
    .transpose([2, 0, 3, 1, 4])
  let heads = (0..<3).map { index in
    projections.slice(axis: 0, index..<index + 1)
      .reshape(to: [count, headCount, tokens, headSize])
  }
  let (queries, keys, values) = (heads[0], heads[1], heads[2])
  let scores = (queries * (1 / Double(headSize).squareRoot())).matmul(keys, transposeB: true)
  let mixed = scores.softmax().matmul(values)
    .transpose([0, 2, 1, 3]).reshape(to: [count, tokens, features])
  return scope["proj"].transformerLinear(mixed, to: features)
}

extension ForwardScope {
  fileprivate func transformerLinear(_ input: Value, to features: Int) -> Value {
    linear(input, to: features, weight: transformerNormal, bias: .zeros)
  }
}
