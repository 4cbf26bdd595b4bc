extension ElementwiseOp {
  func evaluate(_ operands: [InterpretedTensor], _ type: TensorType) -> [Double] {
    let first = operands[0].elements
    switch self {
    case .unary(let op):
      return first.map { op.evaluate($0) }
    case .binary(.divide) where type.dtype.isInteger:
      return zip(first, operands[1].elements).map { integerQuotient($0, $1) }
    case .binary(let op):
      return zip(first, operands[1].elements).map { op.evaluate($0, $1) }
    case .compare(let comparison):
      return zip(first, operands[1].elements).map { comparison.evaluate($0, $1) ? 1 : 0 }
    case .select:
      return first.indices.map { operands[first[$0] != 0 ? 1 : 2].elements[$0] }
    case .convert(let dtype):
      return first.map { dtype.converting($0) }
    }
  }
}

/// The quotient truncated towards zero; 0 for a divisor of 0.
private func integerQuotient(_ dividend: Double, _ divisor: Double) -> Double {
  divisor == 0 ? 0 : (dividend / divisor).rounded(.towardZero)
}

extension DType {
  /// The number as an element of this type, by the rule of ``Tensor/init(_:_:_:)``, save that `f32`
  /// is not rounded.
  func converting(_ value: Double) -> Double {
    isFloatingPoint ? value : Tensor(scalar: value, self).scalarValue
  }
}
