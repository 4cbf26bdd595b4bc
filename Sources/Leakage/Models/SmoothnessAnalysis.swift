import TensorGraph

extension Model {
  /// Where this model is not twice continuously differentiable in its input.
  public func smoothness(mode: ForwardMode = .evaluation) -> SmoothnessReport {
    let builder = GraphBuilder()
    let images = builder.input("images", probeShape, .f32)
    func inputs(_ specs: [ParameterSpec]) -> [Value] {
      specs.map { builder.input($0.name, $0.shape, .f32, role: .fixed) }
    }
    let logits = forward(
      images, parameters: inputs(parameters), buffers: inputs(buffers), mode: mode)
    return SmoothnessReport(of: builder.build(outputs: [logits]))
  }
}

extension SmoothnessReport {
  /// Examines how the outputs of `graph` depend on its varying inputs.
  public init(of graph: Graph) {
    let analysis = SmoothnessAnalysis(graph)
    self.init(counts: analysis.counts())
  }
}

/// Walks the paths along which derivatives flow and classifies what breaks them.
private struct SmoothnessAnalysis {
  private let graph: Graph
  /// Whether a node depends on a varying input along any path.
  private let varies: [Bool]
  /// Whether derivatives of the outputs reach a node.
  private let isReached: [Bool]

  init(_ graph: Graph) {
    self.graph = graph
    var varies = [Bool](repeating: false, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      if case .input(let input, _) = node.op {
        varies[index] = graph.inputs[input].role == .varying
      } else {
        varies[index] = node.operands.contains { varies[$0.index] }
      }
    }
    var isReached = [Bool](repeating: false, count: graph.nodes.count)
    for output in graph.outputs { isReached[output.index] = true }
    for index in graph.nodes.indices.reversed() where isReached[index] {
      for operand in graph.nodes[index].differentiableOperands where varies[operand.index] {
        isReached[operand.index] = true
      }
    }
    self.varies = varies
    self.isReached = isReached
  }

  func counts() -> [SmoothnessReport.Kind: Int] {
    var counts: [SmoothnessReport.Kind: Int] = [:]
    // A condition is one activation, however many selections it decides.
    var isLinear: [NodeID: Bool] = [:]
    for (index, node) in graph.nodes.enumerated() where isReached[index] && varies[index] {
      switch node.op {
      case .select where varies[node.operands[0].index]:
        let condition = node.operands[0]
        isLinear[condition, default: true] =
          isLinear[condition, default: true] && hasAffineBranches(node)
      case .unary(.absolute), .binary(.maximum), .binary(.minimum), .reduce(.maximum, _):
        counts[.kink, default: 0] += 1
      case .unary(.sign):
        counts[.step, default: 0] += 1
      case .unary(.floor) where !isStabilizingShift(node):
        counts[.step, default: 0] += 1
      case .gather where varies[node.operands[1].index]:
        counts[.maxPooling, default: 0] += 1
      default:
        break
      }
    }
    counts[.piecewiseLinear] = isLinear.values.count { $0 }
    counts[.piecewiseSmooth] = isLinear.values.count { !$0 }
    return counts
  }

  /// Whether this floor rounds a maximum: what softmax and softplus subtract and add back, so that
  /// their results do not depend on it.
  private func isStabilizingShift(_ node: Node) -> Bool {
    let source = graph[node.operands[0]]
    return switch source.op {
    case .reduce(.maximum, _), .binary(.maximum): true
    case .reshape, .broadcast: isStabilizingShift(source)
    default: false
    }
  }

  /// Whether both branches are straight lines in the value that the condition compares.
  private func hasAffineBranches(_ node: Node) -> Bool {
    let compared = Set(graph[node.operands[0]].operands.filter { varies[$0.index] })
    return node.operands.dropFirst().allSatisfy { isAffine($0, in: compared) }
  }

  private func isAffine(_ id: NodeID, in compared: Set<NodeID>) -> Bool {
    if !varies[id.index] || compared.contains(id) { return true }
    let node = graph[id]
    return switch node.op {
    case .unary(.negate), .binary(.add), .binary(.subtract), .reshape, .broadcast:
      node.operands.allSatisfy { isAffine($0, in: compared) }
    case .binary(.multiply):
      node.operands.contains { !varies[$0.index] }
        && node.operands.allSatisfy { isAffine($0, in: compared) }
    case .select:
      node.operands.dropFirst().allSatisfy { isAffine($0, in: compared) }
    default:
      false
    }
  }
}

extension Node {
  /// Operands to which the node passes derivatives on.
  fileprivate var differentiableOperands: [NodeID] {
    switch op {
    case .unary(.sign), .unary(.floor), .unary(.not), .binary(.and), .binary(.or), .compare,
      .argmax, .windowArgmax, .input, .constant, .iota:
      []
    case .select: Array(operands.dropFirst())
    case .gather, .scatterAdd: [operands[0]]
    case .convert(let dtype): dtype.isFloatingPoint ? operands : []
    case .unary, .binary, .reduce, .matmul, .convolution, .convolutionInputGradient,
      .convolutionWeightGradient, .broadcast, .reshape, .transpose, .slice, .pad, .concatenate:
      operands
    }
  }
}
