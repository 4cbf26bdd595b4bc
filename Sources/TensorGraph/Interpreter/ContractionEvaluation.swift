extension ContractionOp {
  func evaluate(
    _ left: InterpretedTensor, _ right: InterpretedTensor, _ type: TensorType
  ) -> [Double] {
    var results = [Double](repeating: 0, count: type.shape.elementCount)
    switch self {
    case .matmul(let transposeA, let transposeB):
      return evaluateMatmul(left, right, transposeA, transposeB, type.shape)
    case .convolution(let convolution):
      convolution.forEachTap(input: left.shape, weight: right.shape, output: type.shape) {
        input, weight, output in
        results[output] += left.elements[input] * right.elements[weight]
      }
    case .convolutionInputGradient(let convolution, _):
      convolution.forEachTap(input: type.shape, weight: right.shape, output: left.shape) {
        input, weight, output in
        results[input] += left.elements[output] * right.elements[weight]
      }
    case .convolutionWeightGradient(let convolution, _):
      convolution.forEachTap(input: left.shape, weight: type.shape, output: right.shape) {
        input, weight, output in
        results[weight] += left.elements[input] * right.elements[output]
      }
    }
    return results
  }
}

private func evaluateMatmul(
  _ left: InterpretedTensor, _ right: InterpretedTensor, _ transposeA: Bool, _ transposeB: Bool,
  _ shape: Shape
) -> [Double] {
  let rank = shape.rank
  let (rows, columns) = (shape[rank - 2], shape[rank - 1])
  let inner = left.shape[transposeA ? rank - 2 : rank - 1]
  let batchCount = shape.dimensions.dropLast(2).reduce(1, *)
  var results: [Double] = []
  results.reserveCapacity(shape.elementCount)
  for batch in 0..<batchCount {
    for row in 0..<rows {
      for column in 0..<columns {
        var sum = 0.0
        for k in 0..<inner {
          let leftOffset = transposeA ? k * rows + row : row * inner + k
          let rightOffset = transposeB ? column * inner + k : k * columns + column
          sum +=
            left.elements[batch * rows * inner + leftOffset]
            * right.elements[batch * inner * columns + rightOffset]
        }
        results.append(sum)
      }
    }
  }
  return results
}

extension Convolution {
  /// Calls `body` with the offsets of every input element, weight and output element that meet in a
  /// product. The convolution and both its transposes sum over the same triples.
  fileprivate func forEachTap(
    input: Shape, weight: Shape, output: Shape, _ body: (Int, Int, Int) -> Void
  ) {
    let channelsPerGroup = weight[1]
    let outputsPerGroup = weight[0] / groups
    let (height, width) = (input[2], input[3])
    output.forEachIndex { index in
      let (image, outputChannel) = (index[0], index[1])
      let outputOffset = output.offset(of: index)
      let firstChannel = outputChannel / outputsPerGroup * channelsPerGroup
      for channel in 0..<channelsPerGroup {
        let plane = (image * input[1] + firstChannel + channel) * height * width
        let kernel = (outputChannel * channelsPerGroup + channel) * weight[2] * weight[3]
        for kernelRow in 0..<weight[2] {
          let row = index[2] * strides.height + kernelRow * dilations.height - padding.top
          guard (0..<height).contains(row) else { continue }
          for kernelColumn in 0..<weight[3] {
            let column = index[3] * strides.width + kernelColumn * dilations.width - padding.left
            guard (0..<width).contains(column) else { continue }
            body(
              plane + row * width + column, kernel + kernelRow * weight[3] + kernelColumn,
              outputOffset)
          }
        }
      }
    }
  }
}

extension Shape {
  /// The offset, in row-major order, of the element at `index`.
  fileprivate func offset(of index: [Int]) -> Int {
    var offset = 0
    for (extent, position) in zip(dimensions, index) { offset = offset * extent + position }
    return offset
  }
}
