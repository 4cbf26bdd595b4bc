import Clients
import TensorGraph

/// A model to time the DLG objective on; the same as in Benchmarks/Comparison/rows_torch.py and rows_jax.py.
struct Row {
  let name: String
  let model: Model

  static func named(_ name: String) throws -> Row? {
    switch name {
    case "lenet", "resnet18", "vit": Row(name: name, model: try ModelCatalog.model(named: name))
    case "encoder": Row(name: name, model: encoder)
    default: nil
    }
  }

  /// Six transformer blocks of width 256 with four heads on embeddings [1, 32, 256]; the mean of the
  /// tokens is classified.
  private static var encoder: Model {
    Model(name: "encoder", inputShape: [1, 32, 256], classCount: 10) { scope, input in
      let count = input.shape[0]
      var x = input.reshape(to: [count, 32, 256])
      for block in 0..<6 { x = transformerBlock(scope["blocks.\(block)"], x, headCount: 4) }
      return scope["head"].linear(scope["norm"].layerNorm(x).mean(axes: [1]), to: 10)
    }
  }

  private static func transformerBlock(
    _ scope: ForwardScope, _ input: Value, headCount: Int
  ) -> Value {
    let x = input + selfAttention(scope["attn"], scope["norm1"].layerNorm(input), headCount)
    let hidden = scope["fc1"].linear(scope["norm2"].layerNorm(x), to: 4 * input.shape[2])
    return x + scope["fc2"].linear(hidden.gelu(), to: input.shape[2])
  }

  private static func selfAttention(
    _ scope: ForwardScope, _ input: Value, _ headCount: Int
  ) -> Value {
    let (count, tokens, width) = (input.shape[0], input.shape[1], input.shape[2])
    let headSize = width / headCount
    let projected = scope["qkv"].linear(input, to: 3 * width)
      .reshape(to: [count, tokens, 3, headCount, headSize]).transpose([2, 0, 3, 1, 4])
    let heads = (0..<3).map {
      projected.slice(axis: 0, $0..<$0 + 1).reshape(to: [count, headCount, tokens, headSize])
    }
    let scores = (heads[0] * (1 / Double(headSize).squareRoot())).matmul(heads[1], transposeB: true)
    let mixed = scores.softmax().matmul(heads[2]).transpose([0, 2, 1, 3])
    return scope["proj"].linear(mixed.reshape(to: [count, tokens, width]), to: width)
  }
}
