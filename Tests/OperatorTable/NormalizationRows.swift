import TensorGraph

private func row(
  _ name: String, _ operands: [OperandValues], _ build: @escaping @Sendable ([Value]) -> Value
) -> OperatorRow {
  OperatorRow(
    name, operands, highestOrder: 2, tolerance: Tolerance(f32: 1e-4, f64: 1e-11),
    isPrimitive: false, build)
}

let normalizationRows: [OperatorRow] = [
  row("layer norm", [.uniform([3, 5]), .uniform([5]), .uniform([5])]) {
    $0[0].layerNorm(weight: $0[1], bias: $0[2])
  },
  row("batch norm", [.uniform([3, 2, 2, 3]), .uniform([2])]) {
    let (mean, variance) = $0[0].channelStatistics()
    return $0[0].batchNorm(mean: mean, variance: variance, weight: $0[1])
  },
  row("instance norm", [.uniform([2, 2, 3, 3])]) { $0[0].instanceNorm() },
  row("group norm", [.uniform([2, 4, 2, 3])]) { $0[0].groupNorm(groups: 2) },
]
