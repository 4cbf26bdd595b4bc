import TensorGraph

/// What the weight gradients of the contractions that read a map say of it: G = B A.
///
/// For one image ∂ℓ/∂W[o, i, k] = Σ_q c[o, q] a[i, stride q + k - padding], so that every channel of the
/// input a is the solution of least squares with one and the same matrix B, made of the output's
/// cotangent c (for a fully connected layer it is c itself: Geiping et al. 2020, Proposition 3.1). Skips
/// that join behind the layer have no part in it.
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
  let positionCount: Int
  private(set) var blocks: [Block]

  /// Equations for each position of each channel; below 1 the map is not determined.
  var equationsPerUnknown: Double {
    let rows = blocks.reduce(0) { $0 + $1.rowCount * $1.channels.count }
    return Double(rows) / Double(max(channelCount * positionCount, 1))
  }

  var equationCount: Int { blocks.reduce(0) { $0 + $1.rowCount * $1.channels.count } }

  /// The equations of one contraction; nil for one of a kind that shares no matrix.
  ///
  /// - Parameters:
  ///   - isInputFirst: whether the map is the first of the operator's operands.
  ///   - input: shape of the map: [1, C, H, W] for a convolution, [..., F] for a product.
  ///   - cotangent: of the output.
  ///   - gradient: of the weight.
  init?(_ op: Op, isInputFirst: Bool, input: Shape, cotangent: Tensor, gradient: Tensor) {
    let (c, g) = (cotangent.doubles, gradient.doubles)
    switch op {
    case .contraction(.convolution(let convolution)) where isInputFirst && input[0] == 1:
      (channelCount, positionCount) = (input[1], input[2] * input[3])
      blocks = MapEquations.blocks(
        convolution, height: input[2], width: input[3], cotangent, c, g, gradient.shape)
    case .contraction(.matmul(transposeA: false, let isTransposed))
    where isInputFirst && gradient.shape.rank == 2:
      // G = aᵀ c, [F, O], stored the other way round where the weight is transposed: rows are outputs.
      let outputs = cotangent.shape[cotangent.shape.rank - 1]
      let features = input[input.rank - 1]
      guard input.elementCount == features else { return nil }
      channelCount = features
      positionCount = 1
      let right =
        isTransposed
        ? g : (0..<outputs * features).map { g[$0 % features * outputs + $0 / features] }
      blocks = [
        Block(channels: 0..<features, rowCount: outputs, matrix: c, rightHandSide: right)
      ]
    default:
      return nil
    }
  }

  private static func blocks(
    _ convolution: Convolution, height: Int, width: Int, _ cotangent: Tensor, _ c: [Double],
    _ g: [Double], _ weight: Shape
  ) -> [Block] {
    let (outputHeight, outputWidth) = (cotangent.shape[2], cotangent.shape[3])
    let (kernelHeight, kernelWidth) = (weight[2], weight[3])
    let groups = convolution.groups
    let (outputs, inputs) = (weight[0] / groups, weight[1])
    let (positionCount, taps) = (height * width, kernelHeight * kernelWidth)
    return (0..<groups).map { group in
      var matrix = [Double](repeating: 0, count: outputs * taps * positionCount)
      var right = [Double](repeating: 0, count: outputs * taps * inputs)
      for output in 0..<outputs {
        let channel = group * outputs + output
        for ky in 0..<kernelHeight {
          for kx in 0..<kernelWidth {
            let row = (output * kernelHeight + ky) * kernelWidth + kx
            for oy in 0..<outputHeight {
              let y =
                oy * convolution.strides.height + ky * convolution.dilations.height
                - convolution.padding.top
              guard (0..<height).contains(y) else { continue }
              for ox in 0..<outputWidth {
                let x =
                  ox * convolution.strides.width + kx * convolution.dilations.width
                  - convolution.padding.left
                guard (0..<width).contains(x) else { continue }
                matrix[row * positionCount + y * width + x] =
                  c[(channel * outputHeight + oy) * outputWidth + ox]
              }
            }
            for i in 0..<inputs {
              right[row * inputs + i] =
                g[((channel * inputs + i) * kernelHeight + ky) * kernelWidth + kx]
            }
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
