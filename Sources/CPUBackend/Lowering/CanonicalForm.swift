import TensorGraph

extension Graph {
  /// An equal graph in the form that lowering expects: reductions over one run of neighbouring axes,
  /// none of them over nothing; no products with an inner extent of 1; no broadcast, slice or
  /// transposition that only changes the shape.
  func canonicalised(simplifies: Bool) throws(GraphError) -> Graph {
    let simplified = simplifies ? self.simplified() : removingDeadNodes()
    let builder = GraphBuilder(simplifies: simplifies)
    let inputs = simplified.inputs.map {
      builder.input($0.name, $0.type.shape, $0.type.dtype, role: $0.role)
    }
    var values: [Value] = []
    values.reserveCapacity(simplified.nodes.count)
    for node in simplified.nodes {
      let operands = node.operands.map { values[$0.index] }
      if case .input(let index, _) = node.op {
        values.append(inputs[index])
      } else {
        values.append(try builder.canonical(node, operands))
      }
    }
    let graph = builder.build(outputs: simplified.outputs.map { values[$0.index] })
    return simplifies ? graph.mergingConvolutionSums() : graph
  }
}

extension GraphBuilder {
  fileprivate func canonical(_ node: Node, _ operands: [Value]) throws(GraphError) -> Value {
    switch node.op {
    case .reduction(.reduce(let reduction, let axes)):
      return try reduceByRuns(operands[0], reduction, axes, node)
    case .contraction(.matmul(let transposeA, let transposeB)):
      if let product = try outerProduct(
        operands[0], operands[1], transposeA, transposeB, node.shape)
      {
        return product
      }
      return try add(node.op, operands)
    case .structural(.broadcast(let shape, _))
    where shape.elementCount == operands[0].shape.elementCount:
      return operands[0].reshape(to: shape)
    case .structural(.transpose(let permutation)):
      let moving = permutation.filter { operands[0].shape[$0] != 1 }
      let keepsOrder = zip(moving, moving.dropFirst()).allSatisfy { $0 < $1 }
      return keepsOrder
        ? operands[0].reshape(to: node.shape) : try add(node.op, operands)
    case .input, .constant, .iota, .elementwise, .reduction(.argmax), .reduction(.windowArgmax),
      .contraction(.convolution), .contraction(.convolutionInputGradient),
      .contraction(.convolutionWeightGradient), .structural(.broadcast), .structural(.reshape),
      .structural(.slice), .structural(.pad), .structural(.concatenate), .indexing:
      return try add(node.op, operands)
    }
  }

  /// A reduction as a chain of reductions over neighbouring axes, the last axes first.
  private func reduceByRuns(
    _ operand: Value, _ reduction: Reduction, _ axes: [Int], _ node: Node
  ) throws(GraphError) -> Value {
    let extents = operand.shape.dimensions
    if operand.shape.elementCount == 0 {
      return constant(reduction.ofNothing(node.dtype), node.shape, node.dtype)
    }
    // Axes of extent 1 neither add to a reduction nor part its axes.
    let wide = extents.indices.filter { extents[$0] != 1 }
    var result = operand.reshape(to: Shape(wide.map { extents[$0] }))
    var end = wide.count
    while end > 0 {
      guard axes.contains(wide[end - 1]) else {
        end -= 1
        continue
      }
      var start = end - 1
      while start > 0, axes.contains(wide[start - 1]) { start -= 1 }
      result = try add(.reduction(.reduce(reduction, axes: Array(start..<end))), [result])
      end = start
    }
    return result.reshape(to: node.shape)
  }

  /// A product with inner extent 1 is an elementwise product of broadcasts, which fuses.
  private func outerProduct(
    _ left: Value, _ right: Value, _ transposeA: Bool, _ transposeB: Bool, _ shape: Shape
  ) throws(GraphError) -> Value? {
    let rank = shape.rank
    guard left.shape[transposeA ? rank - 2 : rank - 1] == 1 else { return nil }
    let batch = Array(shape.dimensions.dropLast(2))
    let batchAxes = Array(0..<rank - 2)
    let rows = left.reshape(to: Shape(batch + [shape[rank - 2]]))
      .broadcast(to: shape, axes: batchAxes + [rank - 2])
    let columns = right.reshape(to: Shape(batch + [shape[rank - 1]]))
      .broadcast(to: shape, axes: batchAxes + [rank - 1])
    return try add(.elementwise(.binary(.multiply)), [rows, columns])
  }
}

extension Reduction {
  /// The reduction of no elements.
  fileprivate func ofNothing(_ dtype: DType) -> Double {
    switch self {
    case .sum:
      0
    case .maximum:
      switch dtype {
      case .f32, .f64: -.infinity
      case .i32: Double(Int32.min)
      case .i64: Double(Int64.min)
      case .bool: 0
      }
    }
  }
}
