import TensorGraph

let sourceRows: [OperatorRow] = [
  OperatorRow("input", [.uniform([2, 3])]) { $0[0] },
  OperatorRow("input i64", [.integers([3], .i64, in: -5...5)], highestOrder: 0) { $0[0] },
  OperatorRow("constant", [], highestOrder: 0, building: { $0.constant(0.7, $2) }),
  OperatorRow(
    "constant i32", [], highestOrder: 0,
    building: { builder, _, _ in
      builder.constant(-7, .i32)
    }),
  OperatorRow(
    "constant bool", [], highestOrder: 0,
    building: { builder, _, _ in
      builder.constant(1, .bool)
    }),
  OperatorRow("iota axis 0", [], highestOrder: 0, building: { $0.iota([4, 3], axis: 0, $2) }),
  OperatorRow(
    "iota axis 1", [], highestOrder: 0,
    building: { builder, _, _ in
      builder.iota([2, 3, 5], axis: 1)
    }),
  OperatorRow(
    "iota axis 2", [], highestOrder: 0,
    building: { builder, _, _ in
      builder.iota([2, 3, 5], axis: 2, .i64)
    }),
]
