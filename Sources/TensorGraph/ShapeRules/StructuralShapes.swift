extension StructuralOp {
  func resultType(_ operands: [TensorType]) throws(GraphError) -> TensorType {
    guard let first = operands.first else { throw GraphError("\(name) of nothing") }
    switch self {
    case .broadcast(let shape, let axes):
      return TensorType(try broadcastShape(first.shape, to: shape, axes), first.dtype)
    case .reshape(let shape):
      guard shape.elementCount == first.shape.elementCount else {
        throw GraphError("reshape: \(first.shape) and \(shape) differ in their number of elements")
      }
      return TensorType(shape, first.dtype)
    case .transpose(let permutation):
      guard permutation.sorted() == Array(0..<first.shape.rank) else {
        throw GraphError(
          "transpose: \(permutation) is no permutation of the axes of \(first.shape)")
      }
      return TensorType(Shape(permutation.map { first.shape[$0] }), first.dtype)
    case .slice(let starts, let limits, let strides):
      return TensorType(try sliceShape(first.shape, starts, limits, strides), first.dtype)
    case .pad(let low, let high, let interior):
      return TensorType(try padShape(first.shape, low, high, interior), first.dtype)
    case .concatenate(let axis):
      return try concatenateType(operands, axis)
    }
  }

  private func broadcastShape(
    _ operand: Shape, to shape: Shape, _ axes: [Int]
  ) throws(GraphError) -> Shape {
    guard axes.count == operand.rank, zip(axes, axes.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw GraphError("broadcast: axes \(axes) do not fit operand \(operand)")
    }
    for (axis, target) in axes.enumerated() {
      try shape.check(axis: target, for: name)
      guard operand[axis] == shape[target] else {
        throw GraphError("broadcast: axis \(axis) of \(operand) is not axis \(target) of \(shape)")
      }
    }
    return shape
  }

  private func sliceShape(
    _ operand: Shape, _ starts: [Int], _ limits: [Int], _ strides: [Int]
  ) throws(GraphError) -> Shape {
    guard starts.count == operand.rank, limits.count == operand.rank,
      strides.count == operand.rank
    else {
      throw GraphError("slice: \(starts), \(limits), \(strides) do not fit \(operand)")
    }
    var extents: [Int] = []
    for axis in 0..<operand.rank {
      guard 0 <= starts[axis], starts[axis] <= limits[axis], limits[axis] <= operand[axis],
        strides[axis] >= 1, strides[axis] <= Swift.max(operand[axis], 1)
      else {
        throw GraphError(
          "slice: \(starts[axis])..<\(limits[axis]) by \(strides[axis]) is outside axis \(axis) "
            + "of \(operand)")
      }
      let length = limits[axis] - starts[axis]
      extents.append(length == 0 ? 0 : (length - 1) / strides[axis] + 1)
    }
    return Shape(extents)
  }

  private func padShape(
    _ operand: Shape, _ low: [Int], _ high: [Int], _ interior: [Int]
  ) throws(GraphError) -> Shape {
    // No sum of three such amounts and an extent overflows.
    let largestAmount = 1 << 60
    guard low.count == operand.rank, high.count == operand.rank, interior.count == operand.rank,
      (low + high).allSatisfy((-largestAmount...largestAmount).contains),
      interior.allSatisfy((0...1 << 32).contains)
    else {
      throw GraphError("pad: \(low), \(high), \(interior) do not fit \(operand)")
    }
    var spread: [Int] = []
    for axis in 0..<operand.rank {
      let (gaps, overflow) = Swift.max(operand[axis] - 1, 0)
        .multipliedReportingOverflow(by: interior[axis])
      guard !overflow, gaps <= largestAmount else {
        throw GraphError("pad: axis \(axis) of \(operand) is too large with \(interior) between")
      }
      spread.append(operand[axis] + gaps)
    }
    // The transpose of padding has a value of this shape.
    _ = try Shape(validating: spread)
    return try Shape(
      validating: spread.indices.map { spread[$0] + low[$0] + high[$0] })
  }

  private func concatenateType(
    _ operands: [TensorType], _ axis: Int
  ) throws(GraphError) -> TensorType {
    let first = operands[0]
    try first.shape.check(axis: axis, for: name)
    var extent = 0
    for operand in operands {
      guard operand.dtype == first.dtype, operand.shape.rank == first.shape.rank,
        operand.shape.keeping(axes: [axis]) == first.shape.keeping(axes: [axis])
      else {
        throw GraphError("concatenate along axis \(axis): \(operands) do not fit together")
      }
      let (sum, overflow) = extent.addingReportingOverflow(operand.shape[axis])
      guard !overflow else {
        throw GraphError("concatenate along axis \(axis): \(operands.count) operands are too large")
      }
      extent = sum
    }
    var extents = first.shape.dimensions
    extents[axis] = extent
    return TensorType(try Shape(validating: extents), first.dtype)
  }
}
