import Clients
import TensorGraph

/// A network that makes pictures of noise: a fully connected layer to small maps, and twice an enlargement and a
/// convolution, with batch normalisation by the batch's own statistics (as Radford et al. 2016, arXiv 1511.06434,
/// section 3, have it; enlarging and convolving takes the place of their transposed convolutions).
package struct PictureGenerator: Sendable {
  /// Numbers of noise behind a picture, from the standard normal distribution.
  package static let latentSize = 64
  /// Of the maps, from the first.
  private static let channels = (32, 16)
  /// How often the first maps fit into the picture, in each direction.
  private static let factor = 4

  /// [C, H, W] of a picture.
  package let shape: Shape
  /// What is trained.
  package let parameters: [ParameterSpec]

  /// - Parameter shape: [C, H, W] of a picture.
  package init(_ shape: Shape) {
    self.shape = shape
    let builder = GraphBuilder()
    let noise = builder.input("noise", [1, PictureGenerator.latentSize], .f32)
    let context = ForwardContext(mode: .training, builder: builder, dtype: .f32, values: nil)
    _ = PictureGenerator.pictures(noise, shape, ForwardScope(context: context, path: ""))
    parameters = context.parameters
  }

  /// Pictures [N, C, H, W] of values in 0...1 from noise [N, ``latentSize``].
  ///
  /// - Parameter parameters: one for each of ``parameters``.
  package func pictures(_ noise: Value, parameters: [Value]) -> Value {
    let values = Dictionary(uniqueKeysWithValues: zip(self.parameters.map(\.name), parameters))
    let context = ForwardContext(
      mode: .training, builder: noise.builder, dtype: noise.dtype, values: values)
    return PictureGenerator.pictures(noise, shape, ForwardScope(context: context, path: ""))
  }

  private static func pictures(_ noise: Value, _ shape: Shape, _ scope: ForwardScope) -> Value {
    let (height, width) = ((shape[1] + factor - 1) / factor, (shape[2] + factor - 1) / factor)
    var x = scope["maps"].linear(noise, to: channels.0 * height * width)
      .reshape(to: [noise.shape[0], channels.0, height, width])
    x = normalized(x, scope["norm0"]).relu()
    x = scope["conv1"].convolution(enlarged(x), to: channels.1, kernel: 5, padding: 2)
    x = normalized(x, scope["norm1"]).relu()
    x = scope["conv2"].convolution(enlarged(x), to: shape[0], kernel: 5, padding: 2)
    return x.slice(axis: 2, 0..<shape[1]).slice(axis: 3, 0..<shape[2]).sigmoid()
  }

  /// Batch normalisation by the batch alone, so that nothing is kept from step to step.
  private static func normalized(_ x: Value, _ scope: ForwardScope) -> Value {
    let statistics = x.channelStatistics()
    return x.batchNorm(
      mean: statistics.mean, variance: statistics.variance,
      weight: scope.parameter("weight", [x.shape[1]], .ones),
      bias: scope.parameter("bias", [x.shape[1]], .zeros))
  }

  /// [N, C, H, W] as [N, C, 2 H, 2 W], every element four times.
  private static func enlarged(_ x: Value) -> Value {
    let (count, channels, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    return x.reshape(to: [count, channels, height, 1, width, 1])
      .broadcast(to: [count, channels, height, 2, width, 2])
      .reshape(to: [count, channels, 2 * height, 2 * width])
  }
}
