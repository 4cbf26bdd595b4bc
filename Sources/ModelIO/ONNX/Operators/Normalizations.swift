import TensorGraph

/// Normalisations, and dropout.
let normalizationOperators: [OperatorEntry] = [
  OperatorEntry("BatchNormalization") { call throws(ONNXError) in try batchNormalization(call) },
  .uniform("InstanceNormalization") { call throws(ONNXError) in
    let x = try call.channeled(0)
    let normal = try x.normalized(
      axes: Array(2..<x.rank), epsilon: call.number("epsilon", default: 1e-5))
    return try normal * call.term(1).alongChannels(of: x) + call.term(2).alongChannels(of: x)
  },
  .uniform("GroupNormalization", since: 18) { call throws(ONNXError) in
    try groupNormalization(call)
  },
  OperatorEntry("LayerNormalization", since: 1) { call throws(ONNXError) in
    try layerNormalization(call)
  },
  .uniform("RMSNormalization", since: 23) { call throws(ONNXError) in
    let x = try call.term(0).checkedFloating()
    let axis = try call.axis(call.integer("axis", default: -1), rank: x.rank)
    let scale = try x.squared().mean(axes: Array(axis..<x.rank), keepsAxes: true)
    let normal = try x * (scale + call.number("epsilon", default: 1e-5)).unary(.rsqrt)
    return try normal * call.term(1)
  },
  .uniform("LRN") { call throws(ONNXError) in try localResponse(call) },
  .uniform("LpNormalization") { call throws(ONNXError) in
    let x = try call.term(0).checkedFloating()
    let axis = try call.axis(call.integer("axis", default: -1), rank: x.rank)
    let magnitude =
      call.integer("p", default: 2) == 1
      ? try x.absolute().sum(axes: [axis], keepsAxes: true)
      : try x.squared().sum(axes: [axis], keepsAxes: true).sqrt()
    let isZero = try magnitude.equal(0)
    return try x / isZero.select(magnitude.filled(1), magnitude)
  },
  .uniform("MeanVarianceNormalization", since: 9) { call throws(ONNXError) in
    let x = try call.term(0).checkedFloating()
    let axes = try call.axes(call.integers("axes") ?? [0, 2, 3], rank: x.rank)
    let centered = try x - x.mean(axes: axes, keepsAxes: true)
    let deviation = try centered.squared().mean(axes: axes, keepsAxes: true).sqrt()
    return try centered / (deviation + 1e-9)
  },
  OperatorEntry("Dropout", restrictions: "training only with a ratio of 0") {
    call throws(ONNXError) in try dropout(call)
  },
]

extension OperatorCall {
  fileprivate func channeled(_ index: Int) throws(ONNXError) -> Term {
    let x = try term(index).checkedFloating()
    guard x.rank >= 2 else { throw ONNXError(.malformed, "\(x.shape) has no channels") }
    return x
  }

  /// Whether the file asks for training behaviour, and whether this lowering does.
  fileprivate func trains(asExported: Bool) -> Bool {
    switch emission.mode {
    case .asExported: asExported
    case .evaluation: false
    case .training: true
    }
  }
}

/// By the running statistics, or in training by the batch's own; the updated running statistics are
/// further outputs.
private func batchNormalization(_ call: OperatorCall) throws(ONNXError) -> [Operand] {
  var x = try call.channeled(0)
  let shape = x.shape
  // Before operator set 9 statistics could be per element of a sample.
  if call.opset < 9, !call.flag("spatial", default: true) {
    x = try x.reshape([shape[0], shape.dimensions[1...].reduce(1, *)])
  }
  var isExportedInTraining = call.opset >= 14 ? call.flag("training_mode") : false
  if call.opset < 14 {
    isExportedInTraining = call.node.output.dropFirst().contains { !$0.isEmpty }
    if call.opset < 7, call.flag("is_test") { isExportedInTraining = false }
  }
  var parameters: [Term] = []
  for index in 1...4 {
    let term = try call.term(index)
    parameters.append(try term.reshape([term.shape.elementCount]).alongChannels(of: x))
  }
  let (runningMean, runningVariance) = (parameters[2], parameters[3])
  var (mean, variance) = (runningMean, runningVariance)
  let trains = call.trains(asExported: isExportedInTraining)
  if trains {
    let axes = [0] + Array(2..<x.rank)
    mean = try x.mean(axes: axes, keepsAxes: true)
    variance = try (x - mean).squared().mean(axes: axes, keepsAxes: true)
  }
  let deviation = try (variance + call.number("epsilon", default: 1e-5)).unary(.rsqrt)
  let result = try (x - mean) * (parameters[0] * deviation) + parameters[1]
  var results = [Operand(try result.reshape(shape), try call.operand(0).type)]
  let momentum = call.number("momentum", default: 0.9)
  let statistics = [(runningMean, mean), (runningVariance, variance)]
  guard call.node.output.count <= 5 else {
    throw ONNXError(.malformed, "it has \(call.node.output.count) outputs")
  }
  for index in 1..<max(call.node.output.count, 1) {
    let (old, new) = statistics[(index - 1) % 2]
    let channels = Shape([x.shape[1]])
    // Outputs 3 and 4 of old versions are the batch's statistics themselves.
    let value = try index > 2 || !trains ? new : old * momentum + new * (1 - momentum)
    results.append(Operand(try value.reshape(channels), try call.operand(3).type))
  }
  return results
}

private func groupNormalization(_ call: OperatorCall) throws(ONNXError) -> Term {
  let x = try call.channeled(0)
  let groups = call.integer("num_groups", default: 0)
  guard groups >= 1, x.shape[1].isMultiple(of: groups) else {
    throw ONNXError(
      .malformed, "the channels of \(x.shape) do not divide into \(groups) groups")
  }
  let size = x.shape[1] / groups
  let grouped = try x.reshape([x.shape[0], groups, size] + x.shape.dimensions[2...])
  let normal = try grouped.normalized(
    axes: Array(2..<grouped.rank), epsilon: call.number("epsilon", default: 1e-5))
  let ones = [Int](repeating: 1, count: x.rank - 1)
  let (scale, bias) = (try call.term(1), try call.term(2))
  if call.opset < 21, scale.shape.elementCount == groups, size != 1 {
    // One scale per group, before operator set 21.
    return try (normal * scale.reshape([groups] + ones) + bias.reshape([groups] + ones))
      .reshape(x.shape)
  }
  return try normal.reshape(x.shape) * scale.alongChannels(of: x) + bias.alongChannels(of: x)
}

/// Results: the normalised value, the mean and the inverse deviation.
private func layerNormalization(_ call: OperatorCall) throws(ONNXError) -> [Operand] {
  let x = try call.term(0).checkedFloating()
  let axis = try call.axis(call.integer("axis", default: -1), rank: x.rank)
  let axes = Array(axis..<x.rank)
  let mean = try x.mean(axes: axes, keepsAxes: true)
  let centered = try x - mean
  let variance = try centered.squared().mean(axes: axes, keepsAxes: true)
  let inverse = try (variance + call.number("epsilon", default: 1e-5)).unary(.rsqrt)
  var result = try centered * inverse * call.term(1)
  if let bias = try call.optionalTerm(2) { result = try result + bias }
  let type = try call.operand(0).type
  return [Operand(result, type), Operand(mean, .float), Operand(inverse, .float)]
}

/// x / (bias + alpha / size · Σ x²)^beta over neighbouring channels.
private func localResponse(_ call: OperatorCall) throws(ONNXError) -> Term {
  let x = try call.channeled(0)
  let size = call.integer("size", default: 0)
  guard (1...1 << 12).contains(size) else { throw ONNXError(.malformed, "its size is \(size)") }
  let square = try x.squared()
  let before = (size - 1) / 2
  var (low, high) = ([Int](repeating: 0, count: x.rank), [Int](repeating: 0, count: x.rank))
  low[1] = before
  high[1] = size - 1 - before
  let padded = try square.pad(low: low, high: high)
  var sum = try padded.slice(axis: 1, 0..<x.shape[1])
  for offset in 1..<max(size, 1) {
    sum = try sum + padded.slice(axis: 1, offset..<offset + x.shape[1])
  }
  let alpha = call.number("alpha", default: 1e-4) / Double(size)
  let base = try sum * alpha + call.number("bias", default: 1)
  return try x * base.binary(.power, base.filled(-call.number("beta", default: 0.75)))
}

/// Nothing in evaluation; in training only without a mask, which nobody but the client knows.
private func dropout(_ call: OperatorCall) throws(ONNXError) -> [Operand] {
  let operand = try call.operand(0)
  var ratio = call.number("ratio", default: 0.5)
  var isExportedInTraining = false
  if call.opset >= 12 {
    ratio = try call.optionalHost(1, "ratio")?.doubles.first ?? 0.5
    isExportedInTraining = try call.optionalHost(2, "training_mode")?.doubles.first ?? 0 != 0
  }
  if call.trains(asExported: isExportedInTraining), ratio > 0 {
    throw ONNXError(
      .unsupported,
      "dropout of ratio \(ratio) in training has a random mask that only the client knows; lower "
        + "the model in evaluation mode, or set the ratio to 0")
  }
  if ratio > 0 {
    call.emission.warn(
      "Dropout of ratio \(Float(ratio)) is left out, as in evaluation; the gradient of a client that "
        + "trained with it has a random mask in it, and is another one.")
  }
  let mask = try call.emission.constant(1, operand.shape, .bool)
  let type: ONNXElementType = call.opset >= 10 ? .bool : operand.type
  let typed = try mask.converted(type.dtype(floating: call.emission.floating))
  return [operand, Operand(typed, type)]
}
