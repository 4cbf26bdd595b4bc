extension ElementwiseOp {
  func resultType(_ operands: [TensorType]) throws(GraphError) -> TensorType {
    let first = operands[0]
    for operand in operands where operand.shape != first.shape {
      throw GraphError("\(name): shapes \(operands.map(\.shape)) differ")
    }
    switch self {
    case .unary(let op):
      return TensorType(first.shape, try op.resultDType(first.dtype))
    case .binary(let op):
      guard operands[1].dtype == first.dtype else {
        throw GraphError("\(name): element types \(operands.map(\.dtype)) differ")
      }
      return TensorType(first.shape, try op.resultDType(first.dtype))
    case .compare:
      guard operands[1].dtype == first.dtype else {
        throw GraphError("\(name): element types \(operands.map(\.dtype)) differ")
      }
      guard first.dtype != .bool else { throw GraphError("\(name) is not defined on bool") }
      return TensorType(first.shape, .bool)
    case .select:
      guard first.dtype == .bool, operands[1].dtype == operands[2].dtype else {
        throw GraphError("select takes (bool, T, T), not \(operands)")
      }
      return operands[1]
    case .convert(let dtype):
      return TensorType(first.shape, dtype)
    }
  }
}

extension UnaryOp {
  func resultDType(_ dtype: DType) throws(GraphError) -> DType {
    let isDefined =
      switch self {
      case .negate, .absolute, .sign: dtype != .bool
      case .floor, .exp, .log, .log1p, .sqrt, .rsqrt, .sin, .cos, .tanh, .sigmoid, .erf:
        dtype.isFloatingPoint
      case .not: dtype == .bool
      }
    guard isDefined else { throw GraphError("\(rawValue) is not defined on \(dtype)") }
    return dtype
  }
}

extension BinaryOp {
  func resultDType(_ dtype: DType) throws(GraphError) -> DType {
    let isDefined =
      switch self {
      case .add, .subtract, .multiply, .divide, .maximum, .minimum: dtype != .bool
      case .power: dtype.isFloatingPoint
      case .and, .or: dtype == .bool
      }
    guard isDefined else { throw GraphError("\(rawValue) is not defined on \(dtype)") }
    return dtype
  }
}
