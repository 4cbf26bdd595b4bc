import TensorGraph

let indexingRows: [OperatorRow] = [
  OperatorRow("gather", [.uniform([2, 5, 3]), .integers([2, 4], in: 0...4)], highestOrder: 2) {
    $0[0].gather($0[1])
  },
  OperatorRow(
    "gather i64, some outside", [.uniform([2, 4, 3]), .integers([2, 9], .i64, in: -3...6)],
    highestOrder: 2
  ) { $0[0].gather($0[1]) },
  OperatorRow(
    "gather integers", [.integers([1, 4, 2], in: 1...9), .integers([1, 6], in: -1...4)],
    highestOrder: 0
  ) { $0[0].gather($0[1]) },
  OperatorRow(
    "gather at extreme indices", [.uniform([1, 2, 2])], highestOrder: 2,
    building: {
      builder, operands, _ in
      let indices = [Double(Int64.min), -1, 0, 1, 2, 9e18].map {
        builder.constant($0, [1, 1], .i64)
      }
      return operands[0].gather(Value.concatenate(indices, axis: 1))
    }),
  OperatorRow(
    "scatter-add", [.uniform([2, 6, 3]), .integers([2, 6], in: 0...3)], highestOrder: 2
  ) {
    $0[0].scatterAdd($0[1], size: 4)
  },
  OperatorRow(
    "scatter-add i64, some outside", [.uniform([2, 9, 2]), .integers([2, 9], .i64, in: -3...6)],
    highestOrder: 2
  ) { $0[0].scatterAdd($0[1], size: 4) },
  OperatorRow(
    "scatter-add integers", [.integers([1, 6, 2], in: 1...9), .integers([1, 6], in: -1...3)],
    highestOrder: 0
  ) { $0[0].scatterAdd($0[1], size: 3) },
]
