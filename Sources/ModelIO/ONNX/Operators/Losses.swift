import TensorGraph

/// Losses over classes [N, C, ...] with targets [N, ...].
let lossOperators: [OperatorEntry] = [
  .uniform("NegativeLogLikelihoodLoss", since: 12) { call throws(ONNXError) in
    try negativeLogLikelihood(call, call.term(0).checkedFloating())
  },
  OperatorEntry("SoftmaxCrossEntropyLoss", since: 12) { call throws(ONNXError) in
    let x = try call.term(0).checkedFloating()
    guard x.rank >= 2 else { throw ONNXError(.malformed, "\(x.shape) has no classes") }
    let logarithms = call.emission.adopt(x.value.logSoftmax(axis: 1))
    let type = try call.operand(0).type
    return [
      Operand(try negativeLogLikelihood(call, logarithms), type), Operand(logarithms, type),
    ]
  },
]

private func negativeLogLikelihood(
  _ call: OperatorCall, _ x: Term
) throws(ONNXError) -> Term {
  let target = try call.term(1).converted(.i64)
  guard x.rank >= 2, target.shape == x.shape.removing(axes: [1]) else {
    throw ONNXError(.malformed, "a target \(target.shape) does not fit classes \(x.shape)")
  }
  // An ignored index need not be a class: compared, it selects no class.
  let column = try target.reshape(x.shape.keeping(axes: [1]))
  let isClass = try call.emission.iota(x.shape, axis: 1, .i64).equal(column)
  var weight = try x.filled(1)
  if let given = try call.optionalTerm(2) {
    weight = try given.alongChannels(of: x).broadcast(to: x.shape)
  }
  if let ignored = call.integer("ignore_index") {
    let isIgnored = try target.equal(Double(ignored)).reshape(column.shape)
    weight = try isIgnored.select(x.filled(0), weight)
  }
  let zero = try x.filled(0)
  let chosen = try isClass.select(weight, zero)
  let losses = try isClass.select(x * weight, zero).sum(axes: [1]).negated()
  let axes = Array(0..<losses.rank)
  switch call.string("reduction", default: "mean") {
  case "none": return losses
  case "sum": return try losses.sum(axes: axes)
  case "mean": return try losses.sum(axes: axes) / chosen.sum(axes: Array(0..<x.rank))
  case let other:
    throw ONNXError(.malformed, "its reduction \(other.quotedForMessage) is unknown")
  }
}
