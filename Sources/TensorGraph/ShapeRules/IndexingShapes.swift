extension IndexingOp {
  func resultType(_ operand: TensorType, _ indices: TensorType) throws(GraphError) -> TensorType {
    guard indices.dtype.isInteger, indices.shape.rank == 2, operand.shape.rank == 3,
      operand.shape[0] == indices.shape[0], operand.dtype != .bool
    else {
      throw GraphError("\(name): operand \(operand) and indices \(indices) do not fit")
    }
    let shape = operand.shape
    switch self {
    case .gather:
      return TensorType(
        try Shape(validating: [shape[0], indices.shape[1], shape[2]]), operand.dtype)
    case .scatterAdd(let size):
      guard shape[1] == indices.shape[1] else {
        throw GraphError("scatter_add: updates \(shape) do not fit indices \(indices.shape)")
      }
      return TensorType(try Shape(validating: [shape[0], size, shape[2]]), operand.dtype)
    }
  }
}
