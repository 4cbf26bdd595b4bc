import TensorGraph

let structuralRows: [OperatorRow] = [
  OperatorRow("broadcast to new leading axes", [.uniform([3])], highestOrder: 2) {
    $0[0].broadcast(to: [2, 4, 3], axes: [2])
  },
  OperatorRow("broadcast to new trailing axes", [.uniform([3])], highestOrder: 2) {
    $0[0].broadcast(to: [3, 4, 2], axes: [0])
  },
  OperatorRow("broadcast around axes", [.uniform([3, 2])], highestOrder: 2) {
    $0[0].broadcast(to: [4, 3, 5, 2], axes: [1, 3])
  },
  OperatorRow("broadcast a scalar", [.uniform([])], highestOrder: 2) {
    $0[0].broadcast(to: [2, 3], axes: [])
  },
  OperatorRow("broadcast bool", [.booleans([3])], highestOrder: 0) {
    $0[0].broadcast(to: [3, 2], axes: [0])
  },
  OperatorRow(
    "broadcast in an expression", [.uniform([3, 1]), .uniform([2, 1, 4])], isPrimitive: false
  ) { ($0[0] * $0[1]).tanh() },
  OperatorRow("reductions of a broadcast", [.uniform([3, 2])], highestOrder: 2, isPrimitive: false)
  {
    let repeated = $0[0].broadcast(to: [4, 3, 5, 2], axes: [1, 3])
    return repeated.sum(axes: [0, 1, 2]) + repeated.max(axes: [0, 2]).sum(axes: [0])
  },
  OperatorRow("reshape", [.uniform([2, 3, 4])], highestOrder: 2) { $0[0].reshape(to: [4, 6]) },
  OperatorRow("reshape to a scalar", [.uniform([1, 1])], highestOrder: 2) { $0[0].reshape(to: []) },
  OperatorRow("reshape i32", [.integers([6], in: -9...9)], highestOrder: 0) {
    $0[0].reshape(to: [3, 2])
  },
  OperatorRow("reshape of a transpose", [.uniform([2, 3, 4])], highestOrder: 2) {
    $0[0].transpose([2, 0, 1]).reshape(to: [8, 3])
  },
  OperatorRow("transpose", [.uniform([2, 3])], highestOrder: 2) { $0[0].transpose([1, 0]) },
  OperatorRow("transpose in a cycle", [.uniform([2, 3, 4, 5])], highestOrder: 2) {
    $0[0].transpose([2, 0, 3, 1])
  },
  OperatorRow("transpose twice", [.uniform([2, 3, 4])], highestOrder: 2) {
    $0[0].transpose([1, 2, 0]).transpose([2, 1, 0])
  },
  OperatorRow("transpose bool", [.booleans([2, 3])], highestOrder: 0) { $0[0].transpose([1, 0]) },
  OperatorRow("slice", [.uniform([5, 8, 11])], highestOrder: 2) {
    $0[0].slice(starts: [1, 0, 2], limits: [3, 8, 9], strides: [1, 2, 3])
  },
  OperatorRow("slice of nothing more than the last element", [.uniform([4, 6])], highestOrder: 2) {
    $0[0].slice(starts: [3, 5], limits: [4, 6], strides: [2, 7])
  },
  OperatorRow("slice i64", [.integers([9], .i64, in: -9...9)], highestOrder: 0) {
    $0[0].slice(starts: [1], limits: [8], strides: [3])
  },
  OperatorRow("pad low, high and interior", [.uniform([2, 3, 4])], highestOrder: 2) {
    $0[0].pad(low: [1, 0, 2], high: [3, 2, 0], interior: [0, 2, 1])
  },
  OperatorRow("pad by negative amounts", [.uniform([5, 6])], highestOrder: 2) {
    $0[0].pad(low: [-1, 2], high: [1, -3])
  },
  OperatorRow("pad by negative amounts into gaps", [.uniform([4, 5])], highestOrder: 2) {
    $0[0].pad(low: [-2, -1], high: [-1, -4], interior: [2, 3])
  },
  OperatorRow("pad away more than there is", [.uniform([3, 4])], highestOrder: 2) {
    $0[0].pad(low: [-3, 5], high: [2, -7])
  },
  OperatorRow("pad i32", [.integers([2, 3], in: 1...9)], highestOrder: 0) {
    $0[0].pad(low: [1, 0], high: [0, 2], interior: [1, 0])
  },
  OperatorRow("pad bool", [.booleans([4])], highestOrder: 0) { $0[0].pad(low: [2], high: [1]) },
  OperatorRow(
    "concatenate along the first axis", [.uniform([2, 3]), .uniform([1, 3]), .uniform([3, 3])],
    highestOrder: 2
  ) { Value.concatenate($0, axis: 0) },
  OperatorRow(
    "concatenate along an inner axis", [.uniform([2, 1, 3]), .uniform([2, 4, 3])], highestOrder: 2
  ) { Value.concatenate($0, axis: 1) },
  OperatorRow("concatenate a value with itself", [.uniform([2, 3])], highestOrder: 2) {
    Value.concatenate([$0[0], $0[0]], axis: 1)
  },
  OperatorRow("concatenate one value", [.uniform([2, 3])], highestOrder: 2) {
    apply(.structural(.concatenate(axis: 1)), $0)
  },
  OperatorRow(
    "concatenate i32", [.integers([2, 3], in: -9...9), .integers([2, 2], in: -9...9)],
    highestOrder: 0
  ) { Value.concatenate($0, axis: 1) },
]
