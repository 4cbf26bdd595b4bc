import TensorGraph

extension StructuralOp {
  func lower(
    _ operands: [StableHLOBuilder.Value], _ type: TensorType, _ builder: inout StableHLOBuilder
  ) -> StableHLOBuilder.Value {
    let operand = operands[0]
    switch self {
    case .broadcast(let shape, let axes):
      return builder.broadcast(operand, to: shape, axes: axes)
    case .reshape(let shape):
      return builder.reshape(operand, to: shape)
    case .transpose(let permutation):
      return builder.transpose(operand, permutation)
    case .slice(let starts, let limits, let strides):
      return builder.slice(operand, starts: starts, limits: limits, strides: strides, type.shape)
    case .pad(let low, let high, let interior):
      return builder.pad(operand, low: low, high: high, interior: interior, type.shape)
    case .concatenate(let axis):
      let names = operands.map(\.name).joined(separator: ", ")
      return builder.call("concatenate \(names), dim = \(axis)", operands, type)
    }
  }
}
