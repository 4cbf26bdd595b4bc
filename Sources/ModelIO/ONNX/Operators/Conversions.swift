import TensorGraph

/// Changes of the element type. All floating-point types are computed as one, so that a cast between
/// them changes nothing but rounding, which is left out: derivatives pass through.
let conversionOperators: [OperatorEntry] = [
  OperatorEntry("Cast", restrictions: "no strings, complex, 8-bit or 4-bit floating-point numbers")
  {
    call throws(ONNXError) in
    let target = Int32(clamping: call.integer("to", default: 0))
    return try cast(call, to: ONNXElementType.checked(target, of: "its result"))
  },
  OperatorEntry("CastLike", since: 15, restrictions: "as Cast") { call throws(ONNXError) in
    try cast(call, to: call.operand(1).type)
  },
]

private func cast(_ call: OperatorCall, to type: ONNXElementType) throws(ONNXError) -> [Operand] {
  let source = try call.operand(0)
  if source.type == type { return [source] }
  let term = try call.emission.term(source).converted(type.dtype(floating: call.emission.floating))
  return [Operand(term, type)]
}
