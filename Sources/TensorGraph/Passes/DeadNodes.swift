extension Graph {
  /// The same graph without the nodes that no output depends on. Ids are renumbered.
  public func removingDeadNodes() -> Graph {
    var isLive = [Bool](repeating: false, count: nodes.count)
    for output in outputs { isLive[output.index] = true }
    for index in nodes.indices.reversed() where isLive[index] {
      for operand in nodes[index].operands { isLive[operand.index] = true }
    }
    var newID = [NodeID](repeating: NodeID(-1), count: nodes.count)
    var kept: [Node] = []
    for (index, node) in nodes.enumerated() where isLive[index] {
      newID[index] = NodeID(kept.count)
      kept.append(
        Node(op: node.op, operands: node.operands.map { newID[$0.index] }, type: node.type))
    }
    return Graph(nodes: kept, inputs: inputs, outputs: outputs.map { newID[$0.index] })
  }
}
