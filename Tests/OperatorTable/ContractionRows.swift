import TensorGraph

private let sizes = (rows: 3, inner: 4, columns: 5)

private func matmulOperands(
  _ batch: [Int], _ transposeA: Bool, _ transposeB: Bool, rows: Int = sizes.rows,
  inner: Int = sizes.inner, columns: Int = sizes.columns
) -> [OperandValues] {
  [
    .uniform(Shape(batch + (transposeA ? [inner, rows] : [rows, inner]))),
    .uniform(Shape(batch + (transposeB ? [columns, inner] : [inner, columns]))),
  ]
}

let matmulRows: [OperatorRow] =
  [(false, false), (false, true), (true, false), (true, true)]
  .flatMap { flags in
    let suffix = (flags.0 ? " Aᵀ" : "") + (flags.1 ? " Bᵀ" : "")
    func row(_ name: String, _ operands: [OperandValues]) -> OperatorRow {
      OperatorRow(name + suffix, operands) {
        $0[0].matmul($0[1], transposeA: flags.0, transposeB: flags.1)
      }
    }
    return [
      row("matmul", matmulOperands([], flags.0, flags.1)),
      row("matmul of batches", matmulOperands([2, 3], flags.0, flags.1)),
      row("matmul of one row", matmulOperands([], flags.0, flags.1, rows: 1)),
      row("matmul of one column", matmulOperands([2], flags.0, flags.1, columns: 1)),
      row("matmul of an outer product", matmulOperands([], flags.0, flags.1, inner: 1)),
    ]
  } + [
    OperatorRow("matmul with itself", [.uniform([3, 3])]) { $0[0].matmul($0[0], transposeB: true) },
    OperatorRow("matmul of transposes", [.uniform([2, 4, 3]), .uniform([2, 5, 4])]) {
      $0[0].matrixTranspose().matmul($0[1].matrixTranspose())
    },
    OperatorRow(
      "matmul of larger matrices", [.uniform([33, 65]), .uniform([65, 17])], highestOrder: 1
    ) { $0[0].matmul($0[1]) },
  ]

/// A convolution with the shapes of its input and weight.
private struct ConvolutionCase {
  let name: String
  let convolution: Convolution
  let input: Shape
  let weight: Shape
  var highestOrder = 3

  var outputShape: Shape {
    let inputSize = Size2D(input[2], input[3])
    let kernelSize = Size2D(weight[2], weight[3])
    guard let size = convolution.outputSize(input: inputSize, kernel: kernelSize) else {
      preconditionFailure("\(name): kernel \(kernelSize) does not fit \(inputSize)")
    }
    return [input[0], weight[0], size.height, size.width]
  }

  var inputSize: Size2D { Size2D(input[2], input[3]) }
  var kernelSize: Size2D { Size2D(weight[2], weight[3]) }

  /// One row for each operator of the family.
  var rows: [OperatorRow] {
    let (convolution, inputSize, kernelSize) = (convolution, inputSize, kernelSize)
    return [
      OperatorRow(
        "convolution, " + name, [.uniform(input), .uniform(weight)], highestOrder: highestOrder
      ) { $0[0].convolve($0[1], convolution) },
      OperatorRow(
        "convolution input gradient, " + name, [.uniform(outputShape), .uniform(weight)],
        highestOrder: highestOrder
      ) { $0[0].convolutionInputGradient($0[1], convolution, inputSize: inputSize) },
      OperatorRow(
        "convolution weight gradient, " + name, [.uniform(input), .uniform(outputShape)],
        highestOrder: highestOrder
      ) { $0[0].convolutionWeightGradient($0[1], convolution, kernelSize: kernelSize) },
    ]
  }
}

let convolutionRows: [OperatorRow] = [
  ConvolutionCase(
    name: "all attributes different",
    convolution: Convolution(
      strides: Size2D(2, 3), padding: Padding2D(top: 1, bottom: 2, left: 3, right: 4),
      dilations: Size2D(1, 2), groups: 2),
    input: [2, 4, 6, 7], weight: [6, 2, 3, 2]),
  ConvolutionCase(
    name: "plain", convolution: Convolution(), input: [2, 3, 5, 4], weight: [2, 3, 3, 2]),
  ConvolutionCase(
    name: "same padding, as LeNet's",
    convolution: Convolution(strides: Size2D(2, 2), padding: Padding2D(2)),
    input: [1, 3, 8, 8], weight: [4, 3, 5, 5], highestOrder: 2),
  ConvolutionCase(
    name: "1x1", convolution: Convolution(), input: [2, 3, 4, 5], weight: [5, 3, 1, 1]),
  ConvolutionCase(
    name: "1x1 with strides", convolution: Convolution(strides: Size2D(2, 3)),
    input: [2, 3, 5, 8], weight: [4, 3, 1, 1]),
  ConvolutionCase(
    name: "depthwise", convolution: Convolution(padding: Padding2D(1), groups: 3),
    input: [2, 3, 4, 5], weight: [3, 1, 3, 3]),
  ConvolutionCase(
    name: "depthwise with a multiplier",
    convolution: Convolution(dilations: Size2D(2, 1), groups: 2),
    input: [1, 2, 6, 4], weight: [4, 1, 2, 3]),
  ConvolutionCase(
    name: "one dimension",
    convolution: Convolution(
      strides: Size2D(1, 2), padding: Padding2D(top: 0, bottom: 0, left: 2, right: 1),
      dilations: Size2D(1, 3)),
    input: [2, 2, 1, 9], weight: [3, 2, 1, 3]),
  ConvolutionCase(
    name: "kernel larger than the input", convolution: Convolution(padding: Padding2D(3)),
    input: [1, 2, 2, 3], weight: [2, 2, 5, 4]),
  ConvolutionCase(
    name: "strides larger than the kernel", convolution: Convolution(strides: Size2D(3, 4)),
    input: [1, 2, 8, 9], weight: [2, 2, 2, 2]),
  ConvolutionCase(
    name: "windows in the padding alone",
    convolution: Convolution(padding: Padding2D(top: 2, bottom: 3, left: 2, right: 4)),
    input: [1, 1, 2, 2], weight: [1, 1, 2, 2]),
].flatMap(\.rows)
