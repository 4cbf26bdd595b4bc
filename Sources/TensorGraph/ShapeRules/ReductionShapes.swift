extension ReductionOp {
  func resultType(_ operand: TensorType) throws(GraphError) -> TensorType {
    switch self {
    case .reduce(_, let axes):
      try checkArithmetic(operand)
      for axis in axes { try operand.shape.check(axis: axis, for: name) }
      guard zip(axes, axes.dropFirst()).allSatisfy({ $0 < $1 }) else {
        throw GraphError("\(name): axes \(axes) are not ascending and distinct")
      }
      return TensorType(operand.shape.removing(axes: axes), operand.dtype)
    case .argmax(let axis):
      try checkArithmetic(operand)
      try operand.shape.check(axis: axis, for: name)
      guard (1...Int(Int32.max)).contains(operand.shape[axis]) else {
        throw GraphError("argmax: axis \(axis) of \(operand) is empty or too large to index")
      }
      return TensorType(operand.shape.removing(axes: [axis]), .i32)
    case .windowArgmax(let window):
      return try windowType(operand, window)
    }
  }

  private func checkArithmetic(_ operand: TensorType) throws(GraphError) {
    guard operand.dtype != .bool else { throw GraphError("\(name) is not defined on bool") }
  }

  private func windowType(
    _ operand: TensorType, _ window: Window
  ) throws(GraphError) -> TensorType {
    guard operand.shape.rank == 4, operand.dtype.isFloatingPoint else {
      throw GraphError("window_argmax takes floating-point [N, C, H, W], not \(operand)")
    }
    try checkWindowAttributes(
      strides: window.strides, padding: window.padding, dilations: window.dilations)
    let input = Size2D(operand.shape[2], operand.shape[3])
    guard input.height * input.width <= Int(Int32.max), let size = window.outputSize(input: input)
    else {
      throw GraphError("window_argmax: a window of \(window.size) does not fit \(input)")
    }
    return TensorType(
      try Shape(validating: [operand.shape[0], operand.shape[1], size.height, size.width]), .i32)
  }
}
