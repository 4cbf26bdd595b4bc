extension Graph {
  /// The graph that evaluates this one for `count` values of some inputs at once.
  ///
  /// Each input in `inputs` gets a new leading axis of extent `count`, and so does every output; the
  /// other inputs are shared by all. What does not depend on the vectorised inputs is computed once.
  /// Vectorised contractions stay dense: the new axis is folded into an existing axis of a product
  /// (jax.vmap's idea), so that many small products become one large one.
  public func vectorized(inputs vectorizedInputs: Set<Int>, count: Int) -> Graph {
    precondition(count > 0, "cannot vectorise over \(count) values")
    let builder = GraphBuilder(simplifies: true)
    let newInputs = inputs.enumerated().map { index, input in
      let isVectorized = vectorizedInputs.contains(index)
      let shape = isVectorized ? Shape([count] + input.type.shape.dimensions) : input.type.shape
      let value = builder.input(input.name, shape, input.type.dtype, role: input.role)
      return VectorizedValue(value, isVectorized: isVectorized)
    }
    let rules = VectorizationRules(builder: builder, count: count)
    var values: [VectorizedValue] = []
    values.reserveCapacity(nodes.count)
    for node in nodes {
      if case .input(let index, _) = node.op {
        values.append(newInputs[index])
      } else {
        values.append(rules.apply(node, node.operands.map { values[$0.index] }))
      }
    }
    return builder.build(outputs: outputs.map { rules.vectorized(values[$0.index]) })
  }
}

/// A value that either has the new leading axis or is shared by all its entries.
struct VectorizedValue {
  let value: Value
  let isVectorized: Bool

  init(_ value: Value, isVectorized: Bool) {
    self.value = value
    self.isVectorized = isVectorized
  }
}

/// How each operator acts on values with a new leading axis.
struct VectorizationRules {
  let builder: GraphBuilder
  let count: Int

  func apply(_ node: Node, _ operands: [VectorizedValue]) -> VectorizedValue {
    guard operands.contains(where: \.isVectorized) else {
      return VectorizedValue(builder.apply(node.op, operands.map(\.value)), isVectorized: false)
    }
    return VectorizedValue(vectorizedResult(node, operands), isVectorized: true)
  }

  /// The value with the leading axis, repeated along it if it was shared.
  func vectorized(_ operand: VectorizedValue) -> Value {
    operand.isVectorized
      ? operand.value
      : operand.value.broadcast(
        to: Shape([count] + operand.value.shape.dimensions),
        axes: Array(1..<operand.value.shape.rank + 1))
  }

  private func vectorized(_ value: VectorizedValue) -> VectorizedValue {
    VectorizedValue(vectorized(value), isVectorized: true)
  }

  private func vectorizedResult(_ node: Node, _ operands: [VectorizedValue]) -> Value {
    func applyAll(_ op: Op) -> Value { builder.apply(op, operands.map(vectorized)) }
    switch node.op {
    case .input, .constant, .iota:
      preconditionFailure("\(node.op.name) has no operands")
    case .elementwise:
      return applyAll(node.op)
    case .reduction(.reduce(let reduction, let axes)):
      return applyAll(.reduction(.reduce(reduction, axes: axes.map { $0 + 1 })))
    case .reduction(.argmax(let axis)):
      return applyAll(.reduction(.argmax(axis: axis + 1)))
    case .contraction(.matmul(let transposeA, let transposeB)):
      return matmul(operands[0], operands[1], transposeA, transposeB)
    case .contraction(.convolution(let convolution)):
      return self.convolution(operands[0], operands[1], convolution)
    case .contraction(.convolutionInputGradient(let convolution, let size)):
      return inputGradient(operands[0], operands[1], convolution, size)
    case .contraction(.convolutionWeightGradient(let convolution, let size)):
      return weightGradient(operands[0], operands[1], convolution, size)
    case .reduction(.windowArgmax(let window)):
      return unfold(fold(operands[0].value).windowArgmax(window))
    case .structural(let op):
      return applyAll(.structural(op.vectorized(count)))
    case .indexing:
      return unfold(builder.apply(node.op, operands.map { fold(vectorized($0)) }))
    }
  }

  /// Merges the leading axis into the next.
  func fold(_ value: Value) -> Value {
    let dimensions = value.shape.dimensions
    return value.reshape(to: Shape([count * dimensions[1]] + dimensions.dropFirst(2)))
  }

  /// Splits the leading axis off again.
  func unfold(_ value: Value) -> Value {
    let dimensions = value.shape.dimensions
    return value.reshape(to: Shape([count, dimensions[0] / count] + dimensions.dropFirst()))
  }

  private func matmul(
    _ left: VectorizedValue, _ right: VectorizedValue, _ transposeA: Bool, _ transposeB: Bool
  ) -> Value {
    let isMatrix = (left.isVectorized ? left.value.shape.rank - 1 : left.value.shape.rank) == 2
    if isMatrix, left.isVectorized, !right.isVectorized {
      // Entries become rows of one product.
      let rows = transposeA ? left.value.matrixTranspose() : left.value
      return unfold(fold(rows).matmul(right.value, transposeB: transposeB))
    }
    if isMatrix, right.isVectorized, !left.isVectorized {
      // Entries become columns of one product.
      let columns = transposeB ? right.value : right.value.matrixTranspose()
      let product = left.value.matmul(fold(columns), transposeA: transposeA, transposeB: true)
      let extent = columns.shape[1]
      return product.reshape(to: [product.shape[0], count, extent]).transpose([1, 0, 2])
    }
    return vectorized(left).matmul(
      vectorized(right), transposeA: transposeA, transposeB: transposeB)
  }
}

extension StructuralOp {
  /// The same operator on values with a leading axis of extent `count`.
  fileprivate func vectorized(_ count: Int) -> StructuralOp {
    func shifted(_ axes: [Int]) -> [Int] { [0] + axes.map { $0 + 1 } }
    return switch self {
    case .broadcast(let shape, let axes):
      .broadcast(Shape([count] + shape.dimensions), axes: shifted(axes))
    case .reshape(let shape):
      .reshape(Shape([count] + shape.dimensions))
    case .transpose(let permutation):
      .transpose(permutation: shifted(permutation))
    case .slice(let starts, let limits, let strides):
      .slice(starts: [0] + starts, limits: [count] + limits, strides: [1] + strides)
    case .pad(let low, let high, let interior):
      .pad(low: [0] + low, high: [0] + high, interior: [0] + interior)
    case .concatenate(let axis):
      .concatenate(axis: axis + 1)
    }
  }
}
