extension Value {
  func structuralCotangents(
    _ op: StructuralOp, for cotangent: Value, isNeeded: [Bool]
  ) -> [Value?] {
    let operand = operands[0]
    switch op {
    case .broadcast(let shape, let axes):
      return [cotangent.sum(axes: (0..<shape.rank).filter { !axes.contains($0) })]
    case .reshape:
      return [cotangent.reshape(to: operand.shape)]
    case .transpose(let permutation):
      var inverse = permutation
      for (axis, source) in permutation.enumerated() { inverse[source] = axis }
      return [cotangent.transpose(inverse)]
    case .slice(let starts, _, let strides):
      let high = operand.shape.dimensions.indices.map { axis in
        let covered = Swift.max(shape[axis] - 1, 0) * strides[axis] + Swift.min(shape[axis], 1)
        return operand.shape[axis] - starts[axis] - covered
      }
      return [cotangent.pad(low: starts, high: high, interior: strides.map { $0 - 1 })]
    case .pad(let low, let high, let interior):
      return [cotangent.unpad(low: low, high: high, interior: interior)]
    case .concatenate(let axis):
      var start = 0
      return operands.enumerated().map { index, operand in
        let range = start..<start + operand.shape[axis]
        start = range.upperBound
        return isNeeded[index] ? cotangent.slice(axis: axis, range) : nil
      }
    }
  }

  /// The transpose of padding: what was added is cut off, what was cut off is zero.
  private func unpad(low: [Int], high: [Int], interior: [Int]) -> Value {
    let uncut = pad(low: low.map { -$0 }, high: high.map { -$0 })
    return uncut.slice(
      starts: [Int](repeating: 0, count: low.count), limits: uncut.shape.dimensions,
      strides: interior.map { $0 + 1 })
  }

  /// Rows are read where they are scattered to: each indexing operator is the other's transpose.
  func indexingCotangents(_ op: IndexingOp, for cotangent: Value) -> [Value?] {
    switch op {
    case .gather:
      return [cotangent.scatterAdd(operands[1], size: operands[0].shape[1]), nil]
    case .scatterAdd:
      return [cotangent.gather(operands[1]), nil]
    }
  }
}
