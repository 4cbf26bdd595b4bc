import TensorGraph

/// Tensors without elements, and results made of nothing.
let emptyRows: [OperatorRow] = [
  OperatorRow("exp of nothing", [.uniform([0, 3])], highestOrder: 2) { $0[0].exp() },
  OperatorRow("multiply nothing", [.uniform([2, 0]), .uniform([2, 0])], highestOrder: 2) {
    $0[0] * $0[1]
  },
  OperatorRow("select of nothing", [.booleans([0]), .uniform([0]), .uniform([0])], highestOrder: 2)
  {
    $0[0].select($0[1], $0[2])
  },
  OperatorRow("reduce sum of nothing", [.uniform([2, 0, 3])], highestOrder: 2) {
    apply(.reduction(.reduce(.sum, axes: [1])), $0)
  },
  OperatorRow("reduce sum beside nothing", [.uniform([2, 0, 3])], highestOrder: 2) {
    apply(.reduction(.reduce(.sum, axes: [0])), $0)
  },
  OperatorRow("reduce maximum of nothing", [.uniform([2, 0])], highestOrder: 0) {
    apply(.reduction(.reduce(.maximum, axes: [1])), $0)
  },
  OperatorRow("reduce maximum i32 of nothing", [.integers([0, 2], in: 0...1)], highestOrder: 0) {
    apply(.reduction(.reduce(.maximum, axes: [0])), $0)
  },
  OperatorRow("argmax beside nothing", [.uniform([0, 3])], highestOrder: 0) {
    $0[0].argmax(axis: 1)
  },
  OperatorRow(
    "matmul over no inner extent", [.uniform([2, 0]), .uniform([0, 3])], highestOrder: 2
  ) {
    $0[0].matmul($0[1])
  },
  OperatorRow("matmul of no rows", [.uniform([0, 2]), .uniform([2, 3])], highestOrder: 2) {
    $0[0].matmul($0[1])
  },
  OperatorRow(
    "matmul of no batches", [.uniform([0, 2, 3]), .uniform([0, 3, 1])], highestOrder: 2
  ) {
    $0[0].matmul($0[1])
  },
  OperatorRow(
    "convolution of no images", [.uniform([0, 2, 4, 4]), .uniform([3, 2, 2, 2])], highestOrder: 2
  ) { $0[0].convolve($0[1], Convolution()) },
  OperatorRow(
    "convolution of no channels", [.uniform([1, 0, 4, 4]), .uniform([3, 0, 2, 2])], highestOrder: 2
  ) { $0[0].convolve($0[1], Convolution()) },
  OperatorRow(
    "convolution to no channels", [.uniform([1, 2, 4, 4]), .uniform([0, 2, 2, 2])], highestOrder: 2
  ) { $0[0].convolve($0[1], Convolution()) },
  OperatorRow(
    "convolution of padding alone", [.uniform([1, 2, 0, 3]), .uniform([2, 2, 2, 2])],
    highestOrder: 2
  ) { $0[0].convolve($0[1], Convolution(padding: Padding2D(1))) },
  OperatorRow("window argmax of nothing", [.uniform([1, 2, 0, 3])], highestOrder: 0) {
    $0[0].windowArgmax(Window(size: Size2D(2, 2), strides: Size2D(1, 1), padding: Padding2D(1)))
  },
  OperatorRow("broadcast to nothing", [.uniform([3])], highestOrder: 2) {
    $0[0].broadcast(to: [0, 3], axes: [1])
  },
  OperatorRow("reshape nothing", [.uniform([0, 3])], highestOrder: 2) {
    $0[0].reshape(to: [5, 0, 2])
  },
  OperatorRow("transpose nothing", [.uniform([0, 3])], highestOrder: 2) {
    $0[0].transpose([1, 0])
  },
  OperatorRow("slice to nothing", [.uniform([4, 3])], highestOrder: 2) {
    $0[0].slice(starts: [2, 0], limits: [2, 3], strides: [3, 2])
  },
  OperatorRow("pad nothing to something", [.uniform([0, 2])], highestOrder: 2) {
    $0[0].pad(low: [2, 0], high: [1, 1], interior: [4, 1])
  },
  OperatorRow("pad to nothing", [.uniform([3])], highestOrder: 2) {
    $0[0].pad(low: [-1], high: [-2])
  },
  OperatorRow("concatenate with nothing", [.uniform([2, 0]), .uniform([2, 3])], highestOrder: 2) {
    Value.concatenate($0, axis: 1)
  },
  OperatorRow(
    "gather from nothing", [.uniform([1, 0, 2]), .integers([1, 3], in: 0...2)], highestOrder: 2
  ) { $0[0].gather($0[1]) },
  OperatorRow(
    "gather nothing", [.uniform([1, 3, 2]), .integers([1, 0], in: 0...2)], highestOrder: 2
  ) {
    $0[0].gather($0[1])
  },
  OperatorRow(
    "scatter-add to nothing", [.uniform([1, 3, 2]), .integers([1, 3], in: 0...2)], highestOrder: 2
  ) { $0[0].scatterAdd($0[1], size: 0) },
]

private let specialValues: [Double] = [
  0, -0.0, 1, -1, 0.5, -3, 90, -90, 1e-30, -1e-30, .infinity, -.infinity, .nan,
]

/// Infinities, NaN, signed zeros and numbers of which functions overflow: values without derivatives.
let specialValueRows: [OperatorRow] =
  UnaryOp.allCases.filter { $0 != .not }.map { op in
    OperatorRow(
      "\(op.rawValue) of special values", [.listed([specialValues.count], specialValues)],
      highestOrder: 0
    ) { apply(.elementwise(.unary(op)), $0) }
  }
  + BinaryOp.allCases.filter { $0 != .and && $0 != .or }.map { op in
    OperatorRow("\(op.rawValue) of special values", allPairsOfSpecialValues, highestOrder: 0) {
      apply(.elementwise(.binary(op)), $0)
    }
  }
  + Comparison.allCases.map { comparison in
    OperatorRow(
      "\(comparison.rawValue) of special values", allPairsOfSpecialValues, highestOrder: 0
    ) {
      apply(.elementwise(.compare(comparison)), $0)
    }
  }

private let allPairsOfSpecialValues: [OperandValues] = {
  // 1e38 and its like are left out: products would be finite in Double and infinite in Float.
  let values = specialValues.filter { abs($0) != 90 && abs($0) != 1e-30 }
  let shape: Shape = [values.count, values.count]
  return [
    .listed(shape, values.flatMap { left in values.map { _ in left } }),
    .listed(shape, values.flatMap { _ in values }),
  ]
}()
