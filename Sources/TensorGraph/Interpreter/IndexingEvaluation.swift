extension IndexingOp {
  func evaluate(
    _ operand: InterpretedTensor, _ indices: InterpretedTensor, _ type: TensorType
  ) -> [Double] {
    let (batchCount, rowCount) = (indices.shape[0], indices.shape[1])
    let width = operand.shape[2]
    var results = [Double](repeating: 0, count: type.shape.elementCount)
    // The operator's table: the operand of a gather, the result of a scatter-add.
    let tableRows: Int
    switch self {
    case .gather: tableRows = operand.shape[1]
    case .scatterAdd(let size): tableRows = size
    }
    for batch in 0..<batchCount {
      for row in 0..<rowCount {
        let index = indices.elements[batch * rowCount + row]
        guard index >= 0, index < Double(tableRows) else { continue }
        let inTable = (batch * tableRows + Int(index)) * width
        let inRows = (batch * rowCount + row) * width
        for column in 0..<width {
          switch self {
          case .gather: results[inRows + column] = operand.elements[inTable + column]
          case .scatterAdd: results[inTable + column] += operand.elements[inRows + column]
          }
        }
      }
    }
    return results
  }
}
