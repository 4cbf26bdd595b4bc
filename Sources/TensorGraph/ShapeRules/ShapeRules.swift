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
      try type.shape.check(axis: axis, for: name)
      guard type.dtype != .bool else { throw GraphError("iota is not defined on bool") }
      return type
    case .elementwise(let op):
      return try op.resultType(operands)
    case .reduction(let op):
      return try op.resultType(operands[0])
    case .contraction(let op):
      return try op.resultType(operands[0], operands[1])
    case .structural(let op):
      return try op.resultType(operands)
    case .indexing(let op):
      return try op.resultType(operands[0], operands[1])
    }
  }

  /// Number of operands; nil for any number above 0.
  public var arity: Int? {
    switch self {
    case .input, .constant, .iota: 0
    case .elementwise(let op): op.arity
    case .reduction: 1
    case .contraction: 2
    case .structural(let op): op.arity
    case .indexing: 2
    }
  }

  /// The operator's name, without attributes, as printed graphs and errors show it.
  public var name: String {
    switch self {
    case .input: "input"
    case .constant: "constant"
    case .iota: "iota"
    case .elementwise(let op): op.name
    case .reduction(let op): op.name
    case .contraction(let op): op.name
    case .structural(let op): op.name
    case .indexing(let op): op.name
    }
  }
}

extension ElementwiseOp {
  fileprivate var arity: Int {
    switch self {
    case .unary, .convert: 1
    case .binary, .compare: 2
    case .select: 3
    }
  }

  var name: String {
    switch self {
    case .unary(let op): op.rawValue
    case .binary(let op): op.rawValue
    case .compare(let comparison): comparison.rawValue
    case .select: "select"
    case .convert: "convert"
    }
  }
}

extension ReductionOp {
  var name: String {
    switch self {
    case .reduce(let reduction, _): "reduce_" + reduction.rawValue
    case .argmax: "argmax"
    case .windowArgmax: "window_argmax"
    }
  }
}

extension ContractionOp {
  var name: String {
    switch self {
    case .matmul: "matmul"
    case .convolution: "convolution"
    case .convolutionInputGradient: "convolution_input_gradient"
    case .convolutionWeightGradient: "convolution_weight_gradient"
    }
  }
}

extension StructuralOp {
  /// Nil for any number above 0.
  fileprivate var arity: Int? {
    switch self {
    case .broadcast, .reshape, .transpose, .slice, .pad: 1
    case .concatenate: nil
    }
  }

  var name: String {
    switch self {
    case .broadcast: "broadcast"
    case .reshape: "reshape"
    case .transpose: "transpose"
    case .slice: "slice"
    case .pad: "pad"
    case .concatenate: "concatenate"
    }
  }
}

extension IndexingOp {
  var name: String {
    switch self {
    case .gather: "gather"
    case .scatterAdd: "scatter_add"
    }
  }
}

extension Shape {
  /// - Throws: ``GraphError`` in the name of an operator when there is no such axis.
  func check(axis: Int, for name: String) throws(GraphError) {
    guard (0..<rank).contains(axis) else {
      throw GraphError("\(name): axis \(axis) is outside shape \(self)")
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
