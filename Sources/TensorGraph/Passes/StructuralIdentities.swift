extension GraphBuilder {
  func simplifiedStructural(
    _ op: StructuralOp, _ operands: [Value], _ type: TensorType
  ) -> Value? {
    let operand = operands[0]
    if operands.count == 1, type.shape == operand.shape, op.isIdentity { return operand }
    switch op {
    case .broadcast(let shape, let axes):
      if case .structural(.broadcast(_, let inner)) = operand.node.op {
        return operand.operands[0].broadcast(to: shape, axes: inner.map { axes[$0] })
      }
    case .reshape(let shape):
      if case .structural(.reshape) = operand.node.op {
        return operand.operands[0].reshape(to: shape)
      }
      if let value = operand.uniformConstant { return constant(value, shape, type.dtype) }
    case .transpose(let permutation):
      if case .structural(.transpose(let inner)) = operand.node.op {
        return operand.operands[0].transpose(permutation.map { inner[$0] })
      }
      if let value = operand.uniformConstant { return constant(value, type.shape, type.dtype) }
    case .slice:
      if let value = operand.uniformConstant { return constant(value, type.shape, type.dtype) }
    case .pad:
      if operand.uniformConstant == 0 { return constant(0, type.shape, type.dtype) }
    case .concatenate:
      if operands.count == 1 { return operand }
    }
    return nil
  }
}

extension StructuralOp {
  /// Whether the operator leaves an operand of the result's shape as it is.
  fileprivate var isIdentity: Bool {
    switch self {
    case .broadcast, .reshape: true
    case .transpose(let permutation): permutation == Array(permutation.indices)
    case .slice(let starts, _, let strides):
      starts.allSatisfy { $0 == 0 } && strides.allSatisfy { $0 == 1 }
    case .pad(let low, let high, let interior):
      (low + high + interior).allSatisfy { $0 == 0 }
    case .concatenate: true
    }
  }
}
