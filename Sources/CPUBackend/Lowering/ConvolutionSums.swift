import TensorGraph

extension Graph {
  /// An equal graph in which a sum of convolutions that are alike is one node, with the pairs of
  /// operands of all: their kernel adds the products up before it stores them.
  func mergingConvolutionSums() -> Graph {
    var useCounts = [Int](repeating: 0, count: nodes.count)
    for operand in nodes.flatMap(\.operands) + outputs { useCounts[operand.index] += 1 }
    let isFixed = nodesOnFixedInputs
    var merged = nodes
    for (index, node) in nodes.enumerated() where node.op == .elementwise(.binary(.add)) {
      let (left, right) = (node.operands[0], node.operands[1])
      let (first, second) = (merged[left.index], merged[right.index])
      guard left != right, useCounts[left.index] == 1, useCounts[right.index] == 1,
        isFixed[left.index] == isFixed[right.index], first.op == second.op,
        first.op.sumsInKernel,
        first.operands.prefix(2).map({ self[$0].type })
          == second.operands.prefix(2).map({ self[$0].type }),
        let geometry = convolutionGeometry(of: first), geometry.suitsPlanes
      else { continue }
      merged[index] = Node(
        op: first.op, operands: first.operands + second.operands, type: node.type)
    }
    return Graph(nodes: merged, inputs: inputs, outputs: outputs).removingDeadNodes()
  }
}

extension Graph {
  /// The extents of a convolution or of one of its transposes; nil for other operators.
  func convolutionGeometry(of node: Node) -> ConvolutionGeometry? {
    guard node.operands.count >= 2 else { return nil }
    let (first, second) = (self[node.operands[0]].shape, self[node.operands[1]].shape)
    switch node.op {
    case .contraction(.convolution(let convolution)):
      return ConvolutionGeometry(
        .forward, input: first, weight: second, output: node.shape, convolution)
    case .contraction(.convolutionInputGradient(let convolution, _)):
      return ConvolutionGeometry(
        .inputGradient, input: node.shape, weight: second, output: first, convolution)
    case .contraction(.convolutionWeightGradient(let convolution, _)):
      return ConvolutionGeometry(
        .weightGradient, input: first, weight: node.shape, output: second, convolution)
    case .input, .constant, .iota, .elementwise, .reduction, .contraction(.matmul), .structural,
      .indexing:
      return nil
    }
  }

  /// For each node whether it depends on fixed inputs alone.
  var nodesOnFixedInputs: [Bool] {
    var isFixed: [Bool] = []
    isFixed.reserveCapacity(nodes.count)
    for node in nodes {
      if case .input(let index, _) = node.op {
        isFixed.append(inputs[index].role == .fixed)
      } else {
        isFixed.append(node.operands.allSatisfy { isFixed[$0.index] })
      }
    }
    return isFixed
  }
}

extension Op {
  fileprivate var sumsInKernel: Bool {
    switch self {
    case .contraction(.convolution), .contraction(.convolutionInputGradient): true
    case .input, .constant, .iota, .elementwise, .reduction, .contraction(.matmul),
      .contraction(.convolutionWeightGradient), .structural, .indexing:
      false
    }
  }
}
