import TensorGraph

/// Constants and values that depend on shapes alone.
let sourceOperators: [OperatorEntry] = [
  OperatorEntry("Constant", restrictions: "no strings and sparse tensors") {
    call throws(ONNXError) in [Operand(try constant(call))]
  },
  OperatorEntry("Shape") { call throws(ONNXError) in
    let dimensions = try call.operand(0).shape.dimensions
    func place(_ index: Int) -> Int {
      min(max(index < 0 ? index + dimensions.count : index, 0), dimensions.count)
    }
    let start = place(max(call.integer("start", default: 0), -dimensions.count))
    let given = call.integer("end", default: dimensions.count)
    let end = max(place(max(given, -dimensions.count)), start)
    return [Operand(HostTensor(Array(dimensions[start..<end])))]
  },
  OperatorEntry("Size") { call throws(ONNXError) in
    let count = try call.operand(0).shape.elementCount
    return [Operand(HostTensor([], .int64, .integers([Int64(count)])))]
  },
  OperatorEntry("ConstantOfShape", since: 9) { call throws(ONNXError) in
    let shape = try Shape(checking: call.hostIntegers(0, "shape"))
    let value = try call.tensor("value") ?? HostTensor([], .float, .floats([0]))
    guard let number = value.uniformValue, value.count == 1 else {
      throw ONNXError(.malformed, "its value is no single number")
    }
    let dtype = value.type.dtype(floating: call.emission.floating)
    return [Operand(try call.emission.constant(number, shape, dtype), value.type)]
  },
  OperatorEntry("Range", since: 11, restrictions: "constant bounds only") {
    call throws(ONNXError) in try range(call)
  },
  OperatorEntry("EyeLike", since: 9) { call throws(ONNXError) in
    let operand = try call.operand(0)
    guard operand.shape.rank == 2 else {
      throw ONNXError(.malformed, "\(operand.shape) is no matrix")
    }
    let type = try call.integer("dtype").map { (number) throws(ONNXError) in
      try ONNXElementType.checked(Int32(clamping: number), of: "its result")
    }
    let offset = call.integer("k", default: 0)
    guard abs(max(offset, -(1 << 40))) < 1 << 40 else {
      throw ONNXError(.malformed, "its k is \(offset)")
    }
    let row = try call.emission.iota(operand.shape, axis: 0, .i64)
    let column = try call.emission.iota(operand.shape, axis: 1, .i64)
    let target = type ?? operand.type
    let result = try (row + Double(offset)).equal(column)
      .converted(target.dtype(floating: call.emission.floating))
    return [Operand(result, target)]
  },
  .uniform("Trilu", since: 14) { call throws(ONNXError) in
    let x = try call.term(0)
    guard x.rank >= 2 else { throw ONNXError(.malformed, "\(x.shape) holds no matrices") }
    let offset = try call.optionalHost(1, "k")?.integers?.first ?? 0
    // Beyond the matrix every offset is the same.
    let bound = x.shape[x.rank - 2] + x.shape[x.rank - 1]
    let diagonal = Double(min(max(offset, -bound), bound))
    let row = try call.emission.iota(x.shape, axis: x.rank - 2, .i64) + diagonal
    let column = try call.emission.iota(x.shape, axis: x.rank - 1, .i64)
    let keeps =
      call.flag("upper", default: true)
      ? try row.compare(.lessOrEqual, column) : try column.compare(.lessOrEqual, row)
    return try keeps.select(x, x.filled(0))
  },
]

private func constant(_ call: OperatorCall) throws(ONNXError) -> HostTensor {
  if let tensor = try call.tensor("value") { return tensor }
  if let number = call.integer("value_int") {
    return HostTensor([], .int64, .integers([Int64(number)]))
  }
  if let numbers = call.integers("value_ints") { return HostTensor(numbers) }
  if let number = call.number("value_float") { return HostTensor([], .float, .floats([number])) }
  if let numbers = call.numbers("value_floats") {
    return HostTensor([numbers.count], .float, .floats(numbers))
  }
  throw ONNXError(.unsupported, "its value is a string, a sparse tensor or missing")
}

private func range(_ call: OperatorCall) throws(ONNXError) -> [Operand] {
  let bounds = [
    try call.host(0, "start"), try call.host(1, "limit"), try call.host(2, "delta"),
  ]
  let type = bounds[0].type
  guard bounds.allSatisfy({ $0.count == 1 }) else {
    throw ONNXError(.malformed, "its bounds are no single numbers")
  }
  let numbers = bounds.map { $0.doubles[0] }
  let (start, limit, step) = (numbers[0], numbers[1], numbers[2])
  let count = ((limit - start) / step).rounded(.up)
  guard step != 0, !count.isNaN, count <= Double(call.emission.limits.maximumConstantElements)
  else {
    throw ONNXError(.tooLarge, "a range from \(start) to \(limit) by \(step) is too long")
  }
  let length = Int(max(count, 0))
  let values = (0..<length).map { start + Double($0) * step }
  let storage: HostTensor.Storage =
    type.isFloatingPoint
    ? .floats(values)
    : .integers(values.map { Int64(exactly: $0.rounded()) ?? 0 })
  return [Operand(HostTensor([length], type, storage))]
}
