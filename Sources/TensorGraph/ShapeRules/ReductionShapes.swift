extension Op {
  func reductionType(_ operand: TensorType) throws(GraphError) -> TensorType {
    guard operand.dtype != .bool else { throw GraphError("\(name) is not defined on bool") }
    switch self {
    case .reduce(_, let axes):
      for axis in axes { try check(axis: axis, operand.shape) }
      guard zip(axes, axes.dropFirst()).allSatisfy({ $0 < $1 }) else {
        throw GraphError("\(name): axes \(axes) are not ascending and distinct")
      }
      return TensorType(operand.shape.removing(axes: axes), operand.dtype)
    case .argmax(let axis):
      try check(axis: axis, operand.shape)
      guard (1...Int(Int32.max)).contains(operand.shape[axis]) else {
        throw GraphError("argmax: axis \(axis) of \(operand) is empty or too large to index")
      }
      return TensorType(operand.shape.removing(axes: [axis]), .i32)
    default:
      preconditionFailure("\(name) is not a reduction")
    }
  }
}
