extension UnaryOp {
  /// The derivative at `x`, given the result `y`; nil when it is zero wherever it exists.
  func derivative(x: Value, y: Value) -> Value? {
    switch self {
    case .negate: x.filled(with: -1)
    case .absolute: x.sign()
    case .sign, .floor, .not: nil
    case .exp: y
    case .log: 1 / x
    case .log1p: 1 / (x + 1)
    case .sqrt: 0.5 * x.rsqrt()
    case .rsqrt: -0.5 * (y / x)
    case .sin: x.cos()
    case .cos: -x.sin()
    case .tanh: 1 - y * y
    case .sigmoid: y * (1 - y)
    case .erf: (2 / Double.pi.squareRoot()) * (-(x * x)).exp()
    }
  }
}

extension BinaryOp {
  /// The derivative with respect to the left operand, given the result `y`; nil when zero.
  func leftDerivative(_ left: Value, _ right: Value, y: Value) -> Value? {
    switch self {
    case .add, .subtract: left.filled(with: 1)
    case .multiply: right
    case .divide: 1 / right
    case .power: left.powerBaseDerivative(right)
    case .maximum: left.share(whereLargerThan: right)
    case .minimum: right.share(whereLargerThan: left)
    case .and, .or: nil
    }
  }

  /// The derivative with respect to the right operand, given the result `y`; nil when zero.
  func rightDerivative(_ left: Value, _ right: Value, y: Value) -> Value? {
    switch self {
    case .add: right.filled(with: 1)
    case .subtract: right.filled(with: -1)
    case .multiply: left
    case .divide: -(y / right)
    case .power: left.powerExponentDerivative(right, y: y)
    case .maximum: right.share(whereLargerThan: left)
    case .minimum: left.share(whereLargerThan: right)
    case .and, .or: nil
    }
  }
}

extension Value {
  /// b x^(b - 1) for this base x. At 0^0 it is 0, as for any x^0, where the formula has 0 * infinity;
  /// the base, not the result, is replaced there, so that derivatives of this one are finite too.
  fileprivate func powerBaseDerivative(_ exponent: Value) -> Value {
    if let constant = exponent.uniformConstant, constant != 0 {
      return exponent * power(exponent - 1)
    }
    let zero = filled(with: 0)
    let isSingular = equal(to: zero).logicalAnd(exponent.equal(to: zero))
    return exponent * isSingular.select(filled(with: 1), self).power(exponent - 1)
  }

  /// x^b log x for this base x. At 0^b with b >= 0 it is 0, the limit for b > 0, where the formula
  /// has 0 * -infinity.
  fileprivate func powerExponentDerivative(_ exponent: Value, y: Value) -> Value {
    let zero = filled(with: 0)
    let isSingular = equal(to: zero).logicalAnd(exponent.greaterOrEqual(to: zero))
    return y * isSingular.select(filled(with: 1), self).log()
  }

  /// 1 where this value is the larger, 0 where it is the smaller, 1/2 at ties (as PyTorch has it).
  fileprivate func share(whereLargerThan other: Value) -> Value {
    let half = equal(to: other).select(filled(with: 0.5), filled(with: 0))
    return greater(than: other).select(filled(with: 1), half)
  }

  func elementwiseCotangents(
    _ op: ElementwiseOp, for cotangent: Value, isNeeded: [Bool]
  ) -> [Value?] {
    let operands = operands
    switch op {
    case .unary(.negate):
      return [-cotangent]
    case .unary(let op):
      return [op.derivative(x: operands[0], y: self).map { cotangent * $0 }]
    case .binary(.add):
      return [cotangent, cotangent]
    case .binary(.subtract):
      return [cotangent, isNeeded[1] ? -cotangent : nil]
    case .binary(.divide):
      return [
        isNeeded[0] ? cotangent / operands[1] : nil,
        isNeeded[1] ? -(cotangent * (self / operands[1])) : nil,
      ]
    case .binary(let op):
      let left = isNeeded[0] ? op.leftDerivative(operands[0], operands[1], y: self) : nil
      let right = isNeeded[1] ? op.rightDerivative(operands[0], operands[1], y: self) : nil
      return [left.map { cotangent * $0 }, right.map { cotangent * $0 }]
    case .compare:
      return [nil, nil]
    case .select:
      let zero = cotangent.filled(with: 0)
      return [
        nil,
        isNeeded[1] ? operands[0].select(cotangent, zero) : nil,
        isNeeded[2] ? operands[0].select(zero, cotangent) : nil,
      ]
    case .convert:
      return [operands[0].dtype.isFloatingPoint ? cotangent.convert(to: operands[0].dtype) : nil]
    }
  }

  func elementwiseTangent(_ op: ElementwiseOp, _ tangents: [Value?]) -> Value? {
    let operands = operands
    switch op {
    case .unary(.negate):
      return tangents[0].map { -$0 }
    case .unary(let op):
      guard let tangent = tangents[0] else { return nil }
      return op.derivative(x: operands[0], y: self).map { tangent * $0 }
    case .binary(.add):
      return sum(tangents[0], tangents[1])
    case .binary(.subtract):
      return sum(tangents[0], tangents[1].map { -$0 })
    case .binary(.divide):
      return sum(
        tangents[0].map { $0 / operands[1] }, tangents[1].map { -($0 * (self / operands[1])) })
    case .binary(let op):
      let left = tangents[0].flatMap { tangent in
        op.leftDerivative(operands[0], operands[1], y: self).map { tangent * $0 }
      }
      let right = tangents[1].flatMap { tangent in
        op.rightDerivative(operands[0], operands[1], y: self).map { tangent * $0 }
      }
      return sum(left, right)
    case .compare:
      return nil
    case .select:
      guard tangents[1] != nil || tangents[2] != nil else { return nil }
      let zero = filled(with: 0)
      return operands[0].select(tangents[1] ?? zero, tangents[2] ?? zero)
    case .convert(let dtype):
      return dtype.isFloatingPoint ? tangents[0].map { $0.convert(to: dtype) } : nil
    }
  }
}
