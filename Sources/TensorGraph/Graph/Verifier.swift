extension Graph {
  /// Checks all that passes and backends take for granted: every operand is an earlier node, every
  /// node's type is the one its operator gives for its operands, inputs are declared with the type
  /// they are read with, and outputs exist.
  ///
  /// - Throws: ``GraphError`` naming the first node that is wrong.
  public func verify() throws(GraphError) {
    for (index, node) in nodes.enumerated() {
      let id = NodeID(index)
      var operandTypes: [TensorType] = []
      for operand in node.operands {
        guard (0..<index).contains(operand.index) else {
          throw GraphError("\(id) = \(node.op.name): operand \(operand) is not an earlier node")
        }
        operandTypes.append(self[operand].type)
      }
      if case .input(let inputIndex, let type) = node.op {
        guard inputs.indices.contains(inputIndex), inputs[inputIndex].type == type else {
          throw GraphError("\(id) reads input \(inputIndex) as \(type), which is not declared")
        }
      }
      let type: TensorType
      do {
        type = try node.op.resultType(operandTypes)
      } catch {
        throw GraphError("\(id) = \(node.op.name): \(error.message)")
      }
      guard type == node.type else {
        throw GraphError("\(id) = \(node.op.name) gives \(type), but is recorded as \(node.type)")
      }
    }
    for (position, output) in outputs.enumerated() {
      guard nodes.indices.contains(output.index) else {
        throw GraphError("output \(position) is \(output), which is not a node")
      }
    }
  }
}
