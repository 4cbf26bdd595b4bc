extension Op {
  /// The type of the result for operands of the given types.
  ///
  /// - Throws: ``GraphError`` when the operands do not fit the operator.
  public func resultType(_ operands: [TensorType]) throws(GraphError) -> TensorType {
    guard operands.count == arity || arity == nil else {
      throw GraphError("\(name) takes \(arity ?? 0) operands, not \(operands.count)")
    }
    switch self {
    case .input(_, let type):
      return type
    case .constant(let value, let dtype):
      guard dtype.contains(value) else { throw GraphError("constant: \(value) is no \(dtype)") }
      return TensorType([], dtype)
    case .iota(let type, let axis):
      try check(axis: axis, type.shape)
      guard type.dtype != .bool else { throw GraphError("iota is not defined on bool") }
      return type
    case .unary, .binary, .compare, .select, .convert:
      return try elementwiseType(operands)
    case .reduce, .argmax:
      return try reductionType(operands[0])
    case .matmul, .convolution, .convolutionInputGradient, .convolutionWeightGradient:
      return try contractionType(operands[0], operands[1])
    case .windowArgmax(let window):
      return try windowType(operands[0], window)
    case .broadcast, .reshape, .transpose, .slice, .pad, .concatenate:
      return try structuralType(operands)
    case .gather, .scatterAdd:
      return try indexingType(operands[0], operands[1])
    }
  }

  /// Number of operands; nil for any number above 0.
  public var arity: Int? {
    switch self {
    case .input, .constant, .iota: 0
    case .unary, .convert: 1
    case .binary, .compare: 2
    case .select: 3
    case .reduce, .argmax: 1
    case .matmul, .convolution, .convolutionInputGradient, .convolutionWeightGradient: 2
    case .windowArgmax: 1
    case .broadcast, .reshape, .transpose, .slice, .pad: 1
    case .concatenate: nil
    case .gather, .scatterAdd: 2
    }
  }

  /// The operator's name, without attributes, as printed graphs and errors show it.
  public var name: String {
    switch self {
    case .input: "input"
    case .constant: "constant"
    case .iota: "iota"
    case .unary(let op): op.rawValue
    case .binary(let op): op.rawValue
    case .compare(let comparison): comparison.rawValue
    case .select: "select"
    case .convert: "convert"
    case .reduce(let reduction, _): "reduce_" + reduction.rawValue
    case .argmax: "argmax"
    case .matmul: "matmul"
    case .convolution: "convolution"
    case .convolutionInputGradient: "convolution_input_gradient"
    case .convolutionWeightGradient: "convolution_weight_gradient"
    case .windowArgmax: "window_argmax"
    case .broadcast: "broadcast"
    case .reshape: "reshape"
    case .transpose: "transpose"
    case .slice: "slice"
    case .pad: "pad"
    case .concatenate: "concatenate"
    case .gather: "gather"
    case .scatterAdd: "scatter_add"
    }
  }

  func check(axis: Int, _ shape: Shape) throws(GraphError) {
    guard (0..<shape.rank).contains(axis) else {
      throw GraphError("\(name): axis \(axis) is outside shape \(shape)")
    }
  }
}

extension DType {
  /// Whether `value` is exactly a number of this type; any `Double` is one of the floating-point
  /// types, to rounding.
  fileprivate func contains(_ value: Double) -> Bool {
    switch self {
    case .f32, .f64: true
    case .i32: Int32(exactly: value) != nil
    case .i64: Int64(exactly: value) != nil
    case .bool: value == 0 || value == 1
    }
  }
}
