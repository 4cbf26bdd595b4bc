import TensorGraph

extension Value {
  /// (x - mean) / sqrt(variance + 1e-5) over `axes`.
  fileprivate func normalized(over axes: [Int]) -> Value {
    let centered = self - mean(axes: axes, keepsAxes: true)
    return centered * (centered.squared().mean(axes: axes, keepsAxes: true) + 1e-5).rsqrt()
  }
}

private func row(
  _ name: String, _ operands: [OperandValues], _ build: @escaping @Sendable ([Value]) -> Value
) -> OperatorRow {
  OperatorRow(
    name, operands, highestOrder: 2, tolerance: Tolerance(f32: 1e-4, f64: 1e-11),
    isPrimitive: false, build)
}

let normalizationRows: [OperatorRow] = [
  row("layer norm", [.uniform([3, 5]), .uniform([5]), .uniform([5])]) {
    $0[0].normalized(over: [-1]) * $0[1] + $0[2]
  },
  row("batch norm", [.uniform([3, 2, 2, 3]), .uniform([2, 1, 1])]) {
    $0[0].normalized(over: [0, 2, 3]) * $0[1]
  },
  row("instance norm", [.uniform([2, 2, 3, 3])]) { $0[0].normalized(over: [2, 3]) },
  row("group norm", [.uniform([2, 4, 2, 3])]) {
    $0[0].reshape(to: [2, 2, 2, 2, 3]).normalized(over: [2, 3, 4]).reshape(to: [2, 4, 2, 3])
  },
]
