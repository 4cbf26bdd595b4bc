import TensorGraph

/// Elementwise functions of one operand that are no activations.
let functionOperators: [OperatorEntry] = [
  .function("Neg") { x throws(ONNXError) in try x.negated() },
  .function("Abs") { x throws(ONNXError) in try x.absolute() },
  .function("Sign", since: 9) { x throws(ONNXError) in try x.unary(.sign) },
  .function("Reciprocal") { x throws(ONNXError) in try 1 / x },
  .function("Sqrt") { x throws(ONNXError) in try x.sqrt() },
  .function("Exp") { x throws(ONNXError) in try x.exp() },
  .function("Log") { x throws(ONNXError) in try x.log() },
  .function("Floor") { x throws(ONNXError) in try x.floor() },
  .function("Ceil") { x throws(ONNXError) in try x.ceil() },
  .function("Round", since: 11) { x throws(ONNXError) in try x.roundedHalfToEven() },
  .function("Erf", since: 9) { x throws(ONNXError) in try x.unary(.erf) },
  .function("Sin", since: 7) { x throws(ONNXError) in try x.unary(.sin) },
  .function("Cos", since: 7) { x throws(ONNXError) in try x.unary(.cos) },
  .function("Tan", since: 7) { x throws(ONNXError) in try x.unary(.sin) / x.unary(.cos) },
  .function("Atan", since: 7) { x throws(ONNXError) in try x.arctangent() },
  .function("Asin", since: 7) { x throws(ONNXError) in try x.arcsine() },
  .function("Acos", since: 7) { x throws(ONNXError) in try Double.pi / 2 - x.arcsine() },
  .function("Sinh", since: 9) { x throws(ONNXError) in
    try (x.exp() - x.negated().exp()) * 0.5
  },
  .function("Cosh", since: 9) { x throws(ONNXError) in
    try (x.exp() + x.negated().exp()) * 0.5
  },
  .function("Asinh", since: 9) { x throws(ONNXError) in
    let magnitude = try x.absolute()
    // log(|x| + √(x² + 1)), accurate near 0.
    let root = try (magnitude.squared() + 1).sqrt()
    return try x.unary(.sign) * (magnitude + magnitude.squared() / (root + 1)).unary(.log1p)
  },
  .function("Acosh", since: 9) { x throws(ONNXError) in
    try (x + (x.squared() - 1).sqrt()).log()
  },
  .function("Atanh", since: 9) { x throws(ONNXError) in
    try (x.unary(.log1p) - x.negated().unary(.log1p)) * 0.5
  },
]

extension Term {
  /// Rounded to the nearest whole number, halves to the even one.
  func roundedHalfToEven() throws(ONNXError) -> Term {
    let rounded = try roundedHalfUp()
    let isHalf = try (rounded - self).equal(0.5)
    let isOdd = try (rounded - (rounded * 0.5).floor() * 2).equal(1)
    return try isHalf.and(isOdd).select(rounded - 1, rounded)
  }

  /// The arctangent by two steps of Halley's iteration y + tan(atan t - y), whose error is cubed
  /// each time, from a start within 0.005. No primitive inverts a trigonometric function.
  func arctangent() throws(ONNXError) -> Term {
    let isLarge = try absolute().greater(1)
    let one = try filled(1)
    let reduced = try isLarge.select(1 / isLarge.select(self, one), self)
    var angle = try reduced / (reduced.squared() * 0.28 + 1)
    for _ in 0..<2 {
      let (sine, cosine) = (try angle.unary(.sin), try angle.unary(.cos))
      angle = try angle + (reduced * cosine - sine) / (cosine + reduced * sine)
    }
    return try isLarge.select(unary(.sign) * (Double.pi / 2) - angle, angle)
  }

  /// atan(x / √(1 - x²)).
  func arcsine() throws(ONNXError) -> Term {
    try (self / (1 - squared()).sqrt()).arctangent()
  }
}
