import TensorGraph

/// One run of lowering: the graph under construction, with its bounds.
///
/// Every node goes through ``add(_:_:)``, which checks shapes and sizes before anything is built, so
/// that no file can make the graph's builder trap.
final class Emission {
  let builder: GraphBuilder
  /// The type of all floating-point values.
  let floating: DType
  let mode: ONNXForwardMode
  let buffers: BufferTable
  let limits: ONNXLimits
  /// Elements that the values may still have together.
  private var remainingElements: Int
  /// Multiplications and the like that the graph may still need.
  private var remainingWork: Int
  /// Whether constants that are no numbers are refused: those of a model's own graph.
  var refusesNaN = false
  private(set) var warnings: [String] = []
  var transposedParameters: Set<String> = []

  init(
    builder: GraphBuilder, floating: DType, mode: ONNXForwardMode, buffers: BufferTable,
    limits: ONNXLimits, maximumTotalElements: Int, maximumWork: Int = .max
  ) {
    self.builder = builder
    self.floating = floating
    self.mode = mode
    self.buffers = buffers
    self.limits = limits
    remainingElements = maximumTotalElements
    remainingWork = maximumWork
  }

  func warn(_ message: String) {
    if !warnings.contains(message) { warnings.append(message) }
  }

  /// Adds a node.
  ///
  /// - Throws: ``ONNXError`` when the operands do not fit, or a limit is exceeded.
  func add(_ op: Op, _ operands: [Term]) throws(ONNXError) -> Term {
    let values = operands.map(\.value)
    func fitting<Result>(_ make: () throws(GraphError) -> Result) throws(ONNXError) -> Result {
      do throws(GraphError) { return try make() } catch {
        throw ONNXError(.malformed, error.message)
      }
    }
    let type = try fitting { () throws(GraphError) in try op.resultType(values.map(\.type)) }
    try account(for: op, values, type)
    let value = try fitting { () throws(GraphError) in try builder.add(op, values) }
    return Term(value: value, emission: self)
  }

  private func account(for op: Op, _ operands: [Value], _ type: TensorType) throws(ONNXError) {
    let count = type.shape.elementCount
    remainingElements -= min(count, remainingElements + 1)
    guard count <= limits.maximumElements, remainingElements >= 0 else {
      throw ONNXError(
        .tooLarge, "the limit on the size of values is exceeded by a \(op.name) of \(type)")
    }
    guard remainingWork < .max else { return }
    let (work, overflow) = count.multipliedReportingOverflow(
      by: max(op.workPerElement(operands.map(\.type), resultCount: count), 1))
    guard !overflow, work <= remainingWork else {
      throw ONNXError(.tooLarge, "the limit on constant folding is exceeded by \(op.name)")
    }
    remainingWork -= work
  }

  /// A value that ``Value``'s own methods have made from checked ones of about its size.
  func adopt(_ value: Value) -> Term { Term(value: value, emission: self) }

  /// A scalar constant.
  func constant(_ value: Double, _ dtype: DType) throws(ONNXError) -> Term {
    try add(.constant(value, dtype), [])
  }

  /// A tensor whose elements are all `value`.
  func constant(_ value: Double, _ shape: Shape, _ dtype: DType) throws(ONNXError) -> Term {
    try add(.structural(.broadcast(shape, axes: [])), [try constant(value, dtype)])
  }

  /// The index along `axis` at every element.
  func iota(_ shape: Shape, axis: Int, _ dtype: DType) throws(ONNXError) -> Term {
    try add(.iota(TensorType(shape, dtype), axis: axis), [])
  }

  /// The operand as a value of the graph.
  func term(_ operand: Operand) throws(ONNXError) -> Term {
    switch operand.content {
    case .graph(let value): Term(value: value, emission: self)
    case .host(let tensor, let name): try materialized(tensor, name)
    }
  }

  /// A constant in the graph: built from scalars where that is simple, else an input.
  private func materialized(_ tensor: HostTensor, _ name: String?) throws(ONNXError) -> Term {
    let dtype = tensor.type.dtype(floating: floating)
    if refusesNaN, case .floats(let elements) = tensor.storage,
      elements.contains(where: \.isNaN)
    {
      throw ONNXError(
        .malformed,
        "the constant \((name ?? "of shape \(tensor.shape)").quotedForMessage) holds NaN; "
          + WeightCheck.remedy)
    }
    // A named statistic stays an input whatever its values.
    let isStatistic = name != nil && tensor.type.isFloatingPoint && tensor.shape.rank > 0
    if !isStatistic {
      if tensor.count == 0 { return try constant(0, tensor.shape, dtype) }
      if let value = tensor.uniformValue, !dtype.isInteger || abs(value) < 0x1p53 {
        return try constant(value, tensor.shape, dtype)
      }
      if let (start, step, axis) = tensor.progression {
        let index = try iota(tensor.shape, axis: axis, dtype)
        return try index * Double(step) + Double(start)
      }
    }
    return Term(value: try buffers.value(of: tensor, name: name), emission: self)
  }
}

extension Op {
  /// Bound on the multiplications, or reads of operands, for one of `resultCount` elements.
  fileprivate func workPerElement(_ operands: [TensorType], resultCount: Int) -> Int {
    switch self {
    case .contraction(.matmul(let transposeA, _)):
      operands[0].shape[operands[0].shape.rank - (transposeA ? 2 : 1)]
    case .contraction(.convolution), .contraction(.convolutionInputGradient):
      operands[1].shape.removing(axes: [0]).elementCount
    case .contraction(.convolutionWeightGradient):
      operands[1].shape.elementCount
    case .reduction(.windowArgmax(let window)):
      window.size.height * window.size.width
    case .input, .constant, .iota, .elementwise, .reduction(.reduce), .reduction(.argmax),
      .structural, .indexing:
      operands.map(\.shape.elementCount).max().map { $0 / max(resultCount, 1) + 1 } ?? 1
    }
  }
}

extension HostTensor {
  /// start + step · index along the only axis with more than one element; nil for other contents.
  var progression: (start: Int, step: Int, axis: Int)? {
    let axes = shape.dimensions.indices.filter { shape[$0] > 1 }
    guard axes.count == 1, type.isInteger, let integers, count >= 2 else { return nil }
    let (step, overflow) = integers[1].subtractingReportingOverflow(integers[0])
    let bound = 1 << 31
    guard !overflow, step.magnitude < bound, integers[0].magnitude < bound,
      integers[integers.count - 1].magnitude < bound,
      integers.indices.allSatisfy({ integers[$0] == integers[0] &+ step &* $0 })
    else { return nil }
    return (integers[0], step, axes[0])
  }
}
