import TensorGraph

/// What the weight gradients of the contractions that read a map say of it: G = B A.
///
/// ∂ℓ/∂W[o, i, k] = Σ_q c[o, q] a[i, stride q + k - padding], summed over all images, so that every channel of
/// the input a is the solution of least squares with one and the same matrix B, made of the output's
/// cotangent c (for a fully connected layer it is c itself: Geiping et al. 2020, Proposition 3.1). Skips
/// that join behind the layer have no part in it. The positions of several images stand beside each other.
struct MapEquations {
  /// Channels that share a matrix: all of them, but for grouped convolutions.
  struct Block {
    /// Of the map, in the order of columns of `rightHandSide`.
    let channels: Range<Int>
    let rowCount: Int
    /// Row major [rows, positions].
    var matrix: [Double]
    /// Row major [rows, channels].
    var rightHandSide: [Double]
  }

  let channelCount: Int
  /// Of all images.
  let positionCount: Int
  let imageCount: Int
  private(set) var blocks: [Block]

  /// Equations for each position of each channel; below 1 the map is not determined.
  var equationsPerUnknown: Double {
    let rows = blocks.reduce(0) { $0 + $1.rowCount * $1.channels.count }
    return Double(rows) / Double(max(channelCount * positionCount, 1))
  }

  var equationCount: Int { blocks.reduce(0) { $0 + $1.rowCount * $1.channels.count } }

  /// Where a channel's value at a position stands in the map [N, C, positions of one image].
  func index(channel: Int, position: Int) -> Int {
    let plane = positionCount / imageCount
    return (position / plane * channelCount + channel) * plane + position % plane
  }

  /// The equations of one contraction; nil for one of a kind that shares no matrix.
  ///
  /// - Parameters:
  ///   - isInputFirst: whether the map is the first of the operator's operands.
  ///   - input: shape of the map: [N, C, H, W] for a convolution, [N, ..., F] for a product.
  ///   - cotangent: of the output.
  ///   - gradient: of the weight.
  init?(_ op: Op, isInputFirst: Bool, input: Shape, cotangent: Tensor, gradient: Tensor) {
    let (c, g) = (cotangent.doubles, gradient.doubles)
    switch op {
    case .contraction(.convolution(let convolution)) where isInputFirst:
      imageCount = input[0]
      (channelCount, positionCount) = (input[1], input[0] * input[2] * input[3])
      blocks = MapEquations.blocks(
        convolution, height: input[2], width: input[3], cotangent, c, g, gradient.shape)
    case .contraction(.matmul(transposeA: false, let isTransposed))
    where isInputFirst && gradient.shape.rank == 2:
      // G = aᵀ c, [F, O], stored the other way round where the weight is transposed: rows are outputs.
      let outputs = cotangent.shape[cotangent.shape.rank - 1]
      let features = input[input.rank - 1]
      let images = input[0]
      guard input.elementCount == images * features else { return nil }
      channelCount = features
      (imageCount, positionCount) = (images, images)
      let right =
        isTransposed
        ? g : (0..<outputs * features).map { g[$0 % features * outputs + $0 / features] }
      blocks = [
        Block(
          channels: 0..<features, rowCount: outputs,
          matrix: (0..<outputs * images).map { c[$0 % images * outputs + $0 / images] },
          rightHandSide: right)
      ]
    default:
      return nil
    }
  }

  private static func blocks(
    _ convolution: Convolution, height: Int, width: Int, _ cotangent: Tensor, _ c: [Double],
    _ g: [Double], _ weight: Shape
  ) -> [Block] {
    let (images, outputHeight, outputWidth) = (
      cotangent.shape[0], cotangent.shape[2], cotangent.shape[3]
    )
    let outputPlane = outputHeight * outputWidth
    let (kernelHeight, kernelWidth) = (weight[2], weight[3])
    let groups = convolution.groups
    let (outputs, inputs) = (weight[0] / groups, weight[1])
    let (plane, taps) = (height * width, kernelHeight * kernelWidth)
    let positionCount = images * plane
    return (0..<groups).map { group in
      var matrix = [Double](repeating: 0, count: outputs * taps * positionCount)
      var right = [Double](repeating: 0, count: outputs * taps * inputs)
      let first = group * outputs
      convolution.forEachProduct(
        input: Size2D(height, width), kernel: Size2D(kernelHeight, kernelWidth),
        output: Size2D(outputHeight, outputWidth)
      ) { tap, place, position in
        for image in 0..<images {
          for output in 0..<outputs {
            let channel = image * groups * outputs + first + output
            matrix[(output * taps + tap) * positionCount + image * plane + position] =
              c[channel * outputPlane + place]
          }
        }
      }
      for output in 0..<outputs {
        for tap in 0..<taps {
          for i in 0..<inputs {
            right[(output * taps + tap) * inputs + i] =
              g[((first + output) * inputs + i) * taps + tap]
          }
        }
      }
      return Block(
        channels: group * inputs..<(group + 1) * inputs, rowCount: outputs * taps, matrix: matrix,
        rightHandSide: right)
    }
  }

  /// Adds the equations of another contraction that reads the same map.
  ///
  /// - Returns: false where its channels are split otherwise.
  mutating func append(_ other: MapEquations) -> Bool {
    guard blocks.map(\.channels) == other.blocks.map(\.channels),
      positionCount == other.positionCount
    else { return false }
    blocks = zip(blocks, other.blocks).map { own, other in
      Block(
        channels: own.channels, rowCount: own.rowCount + other.rowCount,
        matrix: own.matrix + other.matrix, rightHandSide: own.rightHandSide + other.rightHandSide)
    }
    return true
  }
}

extension Convolution {
  /// Calls `body` for each tap of the kernel at each place of the output plane, with the position of the input
  /// plane that it multiplies there; not where that lies in the padding. Rows come before columns.
  func forEachProduct(
    input: Size2D, kernel: Size2D, output: Size2D,
    _ body: (_ tap: Int, _ place: Int, _ position: Int) -> Void
  ) {
    for tap in 0..<kernel.height * kernel.width {
      let (ky, kx) = (tap / kernel.width, tap % kernel.width)
      for oy in 0..<output.height {
        let y = oy * strides.height + ky * dilations.height - padding.top
        guard (0..<input.height).contains(y) else { continue }
        for ox in 0..<output.width {
          let x = ox * strides.width + kx * dilations.width - padding.left
          guard (0..<input.width).contains(x) else { continue }
          body(tap, oy * output.width + ox, y * input.width + x)
        }
      }
    }
  }
}
