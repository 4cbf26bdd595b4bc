import TensorGraph

/// Activation functions.
let activationOperators: [OperatorEntry] = [
  .uniform("Relu") { call throws(ONNXError) in
    let x = try call.term(0)
    return x.dtype.isFloatingPoint ? call.emission.adopt(x.value.relu()) : try x.maximum(0)
  },
  .function("Sigmoid") { x throws(ONNXError) in try x.unary(.sigmoid) },
  .function("Tanh") { x throws(ONNXError) in try x.unary(.tanh) },
  .function("Softplus") { x throws(ONNXError) in try x.checkedFloating().softplus() },
  .function("Softsign") { x throws(ONNXError) in try x / (x.absolute() + 1) },
  .function("HardSwish", since: 14) { x throws(ONNXError) in
    try x * (x / 6 + 0.5).maximum(0).minimum(1)
  },
  .function("Mish", since: 18) { x throws(ONNXError) in
    try x * x.checkedFloating().softplus().unary(.tanh)
  },
  .uniform("LeakyRelu") { call throws(ONNXError) in
    let x = try call.term(0)
    return try x.greater(0).select(x, x * call.number("alpha", default: 0.01))
  },
  .uniform("ThresholdedRelu", since: 10) { call throws(ONNXError) in
    let x = try call.term(0)
    return try x.greater(call.number("alpha", default: 1)).select(x, x.filled(0))
  },
  .uniform("PRelu") { call throws(ONNXError) in try parametricReLU(call) },
  .uniform("Elu") { call throws(ONNXError) in
    try exponentialUnit(call.term(0), scale: 1, alpha: call.number("alpha", default: 1))
  },
  .uniform("Selu") { call throws(ONNXError) in
    // The defaults are exact, not rounded to single precision.
    let alpha = call.has("alpha") ? call.number("alpha", default: 0) : 1.67326319217681884765625
    let gamma = call.has("gamma") ? call.number("gamma", default: 0) : 1.05070102214813232421875
    return try exponentialUnit(call.term(0), scale: gamma, alpha: alpha)
  },
  .uniform("Celu", since: 12) { call throws(ONNXError) in
    let alpha = call.number("alpha", default: 1)
    let x = try call.term(0)
    let isPositive = try x.greater(0)
    let negative = try isPositive.select(x.filled(0), x)
    return try isPositive.select(x, ((negative / alpha).exp() - 1) * alpha)
  },
  .uniform("HardSigmoid") { call throws(ONNXError) in
    let (alpha, beta) = (call.number("alpha", default: 0.2), call.number("beta", default: 0.5))
    // Exporters write PyTorch's 1/6 in single precision.
    let slope = abs(alpha - 1.0 / 6) < 1e-7 ? 1.0 / 6 : alpha
    return try (call.term(0) * slope + beta).maximum(0).minimum(1)
  },
  .uniform("Gelu", since: 20) { call throws(ONNXError) in
    let x = try call.term(0).checkedFloating()
    let isTanh = call.string("approximate", default: "none") == "tanh"
    return call.emission.adopt(isTanh ? x.value.geluTanh() : x.value.gelu())
  },
  .uniform("Swish", since: 24) { call throws(ONNXError) in
    let x = try call.term(0)
    return try x * (x * call.number("alpha", default: 1)).unary(.sigmoid)
  },
  .uniform("Shrink", since: 9) { call throws(ONNXError) in try shrink(call) },
  .uniform("Clip") { call throws(ONNXError) in try clip(call) },
  .uniform("Softmax") { call throws(ONNXError) in
    try alongSoftmaxAxis(call) { x, axis throws(ONNXError) in
      x.emission.adopt(x.value.softmax(axis: axis))
    }
  },
  .uniform("LogSoftmax") { call throws(ONNXError) in
    try alongSoftmaxAxis(call) { x, axis throws(ONNXError) in
      x.emission.adopt(x.value.logSoftmax(axis: axis))
    }
  },
  .uniform("Hardmax") { call throws(ONNXError) in
    try alongSoftmaxAxis(call) { x, axis throws(ONNXError) in
      let winner = try x.argmax(axis: axis).reshape(x.shape.keeping(axes: [axis]))
      return try x.emission.iota(x.shape, axis: axis, .i32).equal(winner).converted(x.dtype)
    }
  },
]

extension Term {
  /// This value, which must be of a floating-point type.
  func checkedFloating() throws(ONNXError) -> Term {
    guard dtype.isFloatingPoint else {
      throw ONNXError(.malformed, "it takes floating-point numbers, not \(dtype)\(shape)")
    }
    return self
  }

  func softplus() throws(ONNXError) -> Term {
    emission.adopt(try checkedFloating().value.softplus())
  }
}

/// scale · x where positive, else scale · alpha · (eˣ - 1).
func exponentialUnit(_ x: Term, scale: Double, alpha: Double) throws(ONNXError) -> Term {
  let isPositive = try x.greater(0)
  // The exponential sees no positive argument: see ``Value/elu(alpha:)``.
  let negative = try isPositive.select(x.filled(0), x)
  let result = try isPositive.select(x, (negative.exp() - 1) * alpha)
  return scale == 1 ? result : try result * scale
}

private func parametricReLU(_ call: OperatorCall) throws(ONNXError) -> Term {
  let x = try call.term(0)
  var slope = try call.term(1)
  if call.opset < 7, slope.rank == 1, slope.shape[0] > 1, x.rank >= 2 {
    slope = try slope.reshape(slope.shape.dimensions + [Int](repeating: 1, count: x.rank - 2))
  }
  return try x.greater(x.filled(0)).select(x, x * slope)
}

private func shrink(_ call: OperatorCall) throws(ONNXError) -> Term {
  let x = try call.term(0)
  let (lambda, bias) = (call.number("lambd", default: 0.5), call.number("bias", default: 0))
  let values = try x.converted(call.emission.floating)
  let zero = try values.filled(0)
  let upper = try values.greater(lambda).select(values - bias, zero)
  return try values.less(-lambda).select(values + bias, upper).converted(x.dtype)
}

/// Bounds are attributes before operator set 11, then optional inputs.
private func clip(_ call: OperatorCall) throws(ONNXError) -> Term {
  var x = try call.term(0)
  if call.opset < 11 {
    if x.dtype.isFloatingPoint, let low = call.number("min"), let high = call.number("max") {
      return try clipped(x, low, high)
    }
    if let low = call.number("min") { x = try x.maximum(low) }
    if let high = call.number("max") { x = try x.minimum(high) }
    return x
  }
  if x.dtype.isFloatingPoint, let low = call.optionalOperand(1)?.host, low.count == 1,
    let high = call.optionalOperand(2)?.host, high.count == 1
  {
    return try clipped(x, low.doubles[0], high.doubles[0])
  }
  if let low = try call.optionalTerm(1) { x = try x.maximum(low) }
  if let high = try call.optionalTerm(2) { x = try x.minimum(high) }
  return x
}

/// x between two constants. The derivative at a bound is 0, as that of PyTorch's ReLU6 and hard tanh:
/// channels that stand at 0 all over are common.
private func clipped(_ x: Term, _ low: Double, _ high: Double) throws(ONNXError) -> Term {
  let (low, high) = (try x.filled(min(low, high)), try x.filled(high))
  let raised = try x.less(low).or(x.equal(low)).select(low, x)
  return try raised.greater(high).or(raised.equal(high)).select(high, raised)
}

/// Softmax and its kin: along one axis; before operator set 13, over all axes from `axis` on.
private func alongSoftmaxAxis(
  _ call: OperatorCall, _ body: (Term, Int) throws(ONNXError) -> Term
) throws(ONNXError) -> Term {
  let x = try call.term(0).checkedFloating()
  if call.opset >= 13 {
    let axis = try call.axis(call.integer("axis", default: -1), rank: x.rank)
    guard x.shape[axis] > 0 else { return x }
    return try body(x, axis)
  }
  let axis = call.integer("axis", default: 1)
  let start = axis == x.rank ? x.rank : try call.axis(axis, rank: x.rank)
  let rows = x.shape.dimensions[..<start].reduce(1, *)
  let columns = x.shape.dimensions[start...].reduce(1, *)
  guard columns > 0 else { return x }
  return try body(x.reshape([rows, columns]), 1).reshape(x.shape)
}
