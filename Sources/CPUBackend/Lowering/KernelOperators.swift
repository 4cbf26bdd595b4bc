import CKernels
import TensorGraph

extension UnaryOp {
  var kernelOp: ck_unary {
    switch self {
    case .negate: CK_NEGATE
    case .absolute: CK_ABSOLUTE
    case .sign: CK_SIGN
    case .floor: CK_FLOOR
    case .exp: CK_EXP
    case .log: CK_LOG
    case .log1p: CK_LOG1P
    case .sqrt: CK_SQRT
    case .rsqrt: CK_RSQRT
    case .sin: CK_SIN
    case .cos: CK_COS
    case .tanh: CK_TANH
    case .sigmoid: CK_SIGMOID
    case .erf: CK_ERF
    case .not: CK_NOT
    }
  }

  /// Rough cost of an element, in simple operations.
  var cost: Int {
    switch self {
    case .negate, .absolute, .sign, .floor, .not: 1
    case .sqrt, .rsqrt: 6
    case .exp, .log, .log1p, .tanh, .sigmoid, .erf: 12
    case .sin, .cos: 64
    }
  }
}

extension BinaryOp {
  var kernelOp: ck_binary {
    switch self {
    case .add: CK_ADD
    case .subtract: CK_SUBTRACT
    case .multiply: CK_MULTIPLY
    case .divide: CK_DIVIDE
    case .power: CK_POWER
    case .maximum: CK_BINARY_MAXIMUM
    case .minimum: CK_BINARY_MINIMUM
    case .and: CK_AND
    case .or: CK_OR
    }
  }
}

extension Comparison {
  var kernelOp: ck_comparison {
    switch self {
    case .less: CK_LESS
    case .lessOrEqual: CK_LESS_OR_EQUAL
    case .equal: CK_EQUAL
    }
  }
}
