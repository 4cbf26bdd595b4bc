import Clients
import TensorGraph

/// A model to time the DLG objective on; the same as in Benchmarks/Comparison/rows_torch.py and rows_jax.py.
struct Row {
  let name: String
  let model: Model
  let dtype: DType

  /// - Parameter name: behind a model's name "-f64" stands for double precision.
  static func named(_ name: String) throws -> Row? {
    let isDouble = name.hasSuffix("-f64")
    let model: Model? =
      switch isDouble ? String(name.dropLast(4)) : name {
      case "lenet": try ModelCatalog.model(named: "lenet")
      case "resnet18": try ModelCatalog.model(named: "resnet18")
      case "vit": try ModelCatalog.model(named: "vit")
      case "encoder": encoder
      case "resnet18-224": residual("resnet18-224", [2, 2, 2, 2], isBottleneck: false)
      case "resnet50-224": residual("resnet50-224", [3, 4, 6, 3], isBottleneck: true)
      case "vit-b16-224": baseTransformer
      default: nil
      }
    return model.map { Row(name: name, model: $0, dtype: isDouble ? .f64 : .f32) }
  }

  /// ResNet-18 and -50 as torchvision has them, with the stem for ImageNet, 1000 classes.
  private static func residual(_ name: String, _ blocks: [Int], isBottleneck: Bool) -> Model {
    Model(name: name, inputShape: [3, 224, 224], classCount: 1000) { scope, images in
      func layer(
        _ scope: ForwardScope, _ name: String, _ input: Value, _ channels: Int, kernel: Int,
        stride: Int = 1
      ) -> Value {
        scope["bn" + name].batchNorm(
          scope["conv" + name].convolution(
            input, to: channels, kernel: kernel, stride: stride, padding: kernel / 2,
            hasBias: false))
      }
      var x = layer(scope, "1", images, 64, kernel: 7, stride: 2).relu()
      x = x.maxPool(Window(size: Size2D(3, 3), strides: Size2D(2, 2), padding: Padding2D(1)))
      for (stage, count) in blocks.enumerated() {
        let width = 64 << stage
        for block in 0..<count {
          let scope = scope["layer\(stage + 1).\(block)"]
          let stride = stage > 0 && block == 0 ? 2 : 1
          let channels = isBottleneck ? 4 * width : width
          var y: Value
          if isBottleneck {
            y = layer(scope, "1", x, width, kernel: 1).relu()
            y = layer(scope, "2", y, width, kernel: 3, stride: stride).relu()
            y = layer(scope, "3", y, channels, kernel: 1)
          } else {
            y = layer(scope, "1", x, width, kernel: 3, stride: stride).relu()
            y = layer(scope, "2", y, channels, kernel: 3)
          }
          let isSame = stride == 1 && channels == x.shape[1]
          let skip =
            isSame ? x : layer(scope["downsample"], "", x, channels, kernel: 1, stride: stride)
          x = (y + skip).relu()
        }
      }
      return scope["fc"].linear(x.mean(axes: [2, 3]), to: 1000)
    }
  }

  /// ViT-B/16: patches of 16, width 768, twelve blocks of twelve heads, 1000 classes.
  private static var baseTransformer: Model {
    Model(name: "vit-b16-224", inputShape: [3, 224, 224], classCount: 1000) { scope, images in
      let (count, width) = (images.shape[0], 768)
      let patches = scope["patch"].convolution(images, to: width, kernel: 16, stride: 16)
      let token = scope.parameter("token", [1, 1, width], .zeros)
      let positions = scope.parameter(
        "positions", [1, 197, width], .normal(standardDeviation: 0.02))
      var x = patches.reshape(to: [count, width, 196]).matrixTranspose()
      x = Value.concatenate([token.broadcast(to: [count, 1, width]), x], axis: 1) + positions
      for block in 0..<12 { x = transformerBlock(scope["blocks.\(block)"], x, headCount: 12) }
      let summary = scope["norm"].layerNorm(x).slice(axis: 1, 0..<1)
      return scope["head"].linear(summary.reshape(to: [count, width]), to: 1000)
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
