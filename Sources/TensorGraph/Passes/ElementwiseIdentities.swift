import Foundation

extension GraphBuilder {
  func simplifiedElementwise(
    _ op: ElementwiseOp, _ operands: [Value], _ type: TensorType
  ) -> Value? {
    if let folded = folded(op, operands, type) { return folded }
    switch op {
    case .unary(.negate):
      if case .elementwise(.unary(.negate)) = operands[0].node.op { return operands[0].operands[0] }
    case .unary(.not):
      if case .elementwise(.unary(.not)) = operands[0].node.op { return operands[0].operands[0] }
    case .binary(let op):
      return simplifiedBinary(op, operands[0], operands[1])
    case .select:
      if operands[1].id == operands[2].id { return operands[1] }
    case .convert(let dtype):
      if dtype == operands[0].dtype { return operands[0] }
    case .unary, .compare:
      return nil
    }
    return nil
  }

  private func simplifiedBinary(_ op: BinaryOp, _ left: Value, _ right: Value) -> Value? {
    let (leftConstant, rightConstant) = (left.uniformConstant, right.uniformConstant)
    switch op {
    case .add:
      if rightConstant == 0 { return left }
      if leftConstant == 0 { return right }
      if case .elementwise(.unary(.negate)) = right.node.op { return left - right.operands[0] }
      if case .elementwise(.unary(.negate)) = left.node.op { return right - left.operands[0] }
    case .subtract:
      if rightConstant == 0 { return left }
      if leftConstant == 0 { return -right }
      if case .elementwise(.unary(.negate)) = right.node.op { return left + right.operands[0] }
    case .multiply:
      return simplifiedProduct(left, right, leftConstant, rightConstant)
    case .divide:
      if rightConstant == 1 { return left }
    case .power:
      switch rightConstant {
      case 0: return left.filled(with: 1)
      case 0.5: return left.sqrt()
      case 1: return left
      case 2: return left * left
      case -1: return 1 / left
      case -0.5: return left.rsqrt()
      default: return nil
      }
    case .maximum, .minimum, .and, .or:
      if left.id == right.id { return left }
    }
    return nil
  }

  private func simplifiedProduct(
    _ left: Value, _ right: Value, _ leftConstant: Double?, _ rightConstant: Double?
  ) -> Value? {
    if rightConstant == 1 { return left }
    if leftConstant == 1 { return right }
    if rightConstant == -1 { return -left }
    if leftConstant == -1 { return -right }
    if case .elementwise(.unary(.negate)) = left.node.op {
      if case .elementwise(.unary(.negate)) = right.node.op {
        return left.operands[0] * right.operands[0]
      }
      return -(left.operands[0] * right)
    }
    if case .elementwise(.unary(.negate)) = right.node.op { return -(left * right.operands[0]) }
    return nil
  }

  /// The result of an elementwise operator on uniform floating-point constants, as a constant.
  private func folded(
    _ op: ElementwiseOp, _ operands: [Value], _ type: TensorType
  ) -> Value? {
    guard type.dtype.isFloatingPoint else { return nil }
    var constants: [Double] = []
    for operand in operands {
      guard operand.dtype == type.dtype, let constant = operand.uniformConstant else { return nil }
      constants.append(constant)
    }
    let value: Double
    switch op {
    case .unary(let op): value = op.evaluate(constants[0])
    case .binary(let op): value = op.evaluate(constants[0], constants[1])
    case .select, .compare, .convert: return nil
    }
    return constant(value, type.shape, type.dtype)
  }
}
