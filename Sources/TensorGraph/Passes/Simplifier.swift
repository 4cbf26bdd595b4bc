extension Graph {
  /// The same graph rebuilt with algebraic identities applied, scalars folded, and dead nodes gone.
  /// Values agree to rounding, NaN and infinities included, with two exceptions that follow PyTorch's
  /// pow: x^0.5 and x^-0.5 are NaN at -infinity. The sign of a zero may change.
  public func simplified() -> Graph {
    let builder = GraphBuilder(simplifies: true)
    let inputs = inputs.map { builder.input($0.name, $0.type.shape, $0.type.dtype, role: $0.role) }
    return builder.build(outputs: builder.inline(self, inputs: inputs))
  }
}

extension GraphBuilder {
  /// A simpler value equal to `op(operands)`, or nil when no identity applies. Called before a node
  /// is added, so operands are simple already.
  func simplified(_ op: Op, _ operands: [Value], _ type: TensorType) -> Value? {
    switch op {
    case .input, .constant, .iota:
      nil
    case .elementwise(let op):
      simplifiedElementwise(op, operands, type)
    case .reduction(let op):
      simplifiedReduction(op, operands[0], type)
    case .contraction(let op):
      simplifiedContraction(op, operands[0], operands[1])
    case .structural(let op):
      simplifiedStructural(op, operands, type)
    case .indexing:
      nil
    }
  }

  private func simplifiedReduction(
    _ op: ReductionOp, _ operand: Value, _ type: TensorType
  ) -> Value? {
    switch op {
    case .reduce(let reduction, let axes): simplifiedReduction(reduction, axes, operand, type)
    case .argmax, .windowArgmax: nil
    }
  }

  private func simplifiedReduction(
    _ reduction: Reduction, _ axes: [Int], _ operand: Value, _ type: TensorType
  ) -> Value? {
    if axes.allSatisfy({ operand.shape[$0] == 1 }) { return operand.reshape(to: type.shape) }
    let count = axes.reduce(1) { $0 * operand.shape[$1] }
    guard count > 0, case .structural(.broadcast(_, let sourceAxes)) = operand.node.op else {
      return nil
    }
    // Reducing axes along which the operand only repeats needs no reduction.
    let repeated = axes.filter { !sourceAxes.contains($0) }
    guard !repeated.isEmpty else { return nil }
    let source = operand.operands[0]
    let reducedSourceAxes = sourceAxes.indices.filter { axes.contains(sourceAxes[$0]) }
    let reduced =
      reducedSourceAxes.isEmpty
      ? source : apply(.reduction(.reduce(reduction, axes: reducedSourceAxes)), [source])
    let keptAxes = (0..<operand.shape.rank).filter { !axes.contains($0) }
    let newAxes = sourceAxes.filter { !axes.contains($0) }.map { keptAxes.firstIndex(of: $0) ?? 0 }
    let spread = reduced.broadcast(to: type.shape, axes: newAxes)
    switch reduction {
    case .maximum:
      return spread
    case .sum:
      let repetitions = repeated.reduce(1) { $0 * operand.shape[$1] }
      return spread * Double(repetitions)
    }
  }

  private func simplifiedContraction(
    _ op: ContractionOp, _ left: Value, _ right: Value
  ) -> Value? {
    switch op {
    case .matmul(let transposeA, let transposeB):
      simplifiedMatmul(left, right, transposeA, transposeB)
    case .convolution, .convolutionInputGradient, .convolutionWeightGradient:
      nil
    }
  }

  /// Folds a swap of the last two axes into the product's flags.
  private func simplifiedMatmul(
    _ left: Value, _ right: Value, _ transposeA: Bool, _ transposeB: Bool
  ) -> Value? {
    let untransposedLeft = left.matrixTransposeSource
    let untransposedRight = right.matrixTransposeSource
    guard untransposedLeft != nil || untransposedRight != nil else { return nil }
    return (untransposedLeft ?? left).matmul(
      untransposedRight ?? right, transposeA: transposeA != (untransposedLeft != nil),
      transposeB: transposeB != (untransposedRight != nil))
  }
}

extension Value {
  /// The operand of a transposition that only swaps the last two axes.
  fileprivate var matrixTransposeSource: Value? {
    guard case .structural(.transpose(let permutation)) = node.op else { return nil }
    var swapped = Array(0..<shape.rank)
    swapped.swapAt(shape.rank - 2, shape.rank - 1)
    return permutation == swapped ? operands[0] : nil
  }

  /// The number this value repeats everywhere, when it is a constant or a broadcast of one.
  var uniformConstant: Double? {
    var source = node
    while case .structural(.broadcast) = source.op { source = builder.node(source.operands[0]) }
    return if case .constant(let value, _) = source.op { value } else { nil }
  }
}
