import TensorGraph

extension Model {
  /// Where this model is not twice continuously differentiable in its input.
  package func smoothness(mode: ForwardMode = .evaluation) -> SmoothnessReport {
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
  package init(of graph: Graph) {
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
      if case .elementwise(.select) = node.op, varies[node.operands[0].index] {
        let condition = node.operands[0]
        isLinear[condition, default: true] =
          isLinear[condition, default: true] && hasAffineBranches(node)
      }
      if let kind = irregularity(of: node) { counts[kind, default: 0] += 1 }
    }
    counts[.piecewiseLinear] = isLinear.values.count { $0 }
    counts[.piecewiseSmooth] = isLinear.values.count { !$0 }
    return counts
  }

  /// What a node does to derivatives, selections aside; nil when it is smooth.
  private func irregularity(of node: Node) -> SmoothnessReport.Kind? {
    switch node.op {
    case .elementwise(.unary(.floor)): isStabilizingShift(node) ? nil : .step
    case .elementwise(.unary(let op)): op.irregularity
    case .elementwise(.binary(let op)): op.irregularity
    case .reduction(.reduce(let reduction, _)): reduction == .maximum ? .kink : nil
    case .indexing(.gather): varies[node.operands[1].index] ? .maxPooling : nil
    case .input, .constant, .iota, .elementwise(.compare), .elementwise(.select),
      .elementwise(.convert), .reduction(.argmax), .reduction(.windowArgmax), .contraction,
      .structural, .indexing(.scatterAdd):
      nil
    }
  }

  /// Whether this floor rounds a maximum: what softmax and softplus subtract and add back, so that
  /// their results do not depend on it.
  private func isStabilizingShift(_ node: Node) -> Bool {
    let source = graph[node.operands[0]]
    return switch source.op {
    case .reduction(.reduce(.maximum, _)), .elementwise(.binary(.maximum)): true
    case .structural(.reshape), .structural(.broadcast): isStabilizingShift(source)
    case .input, .constant, .iota, .elementwise, .reduction, .contraction, .structural, .indexing:
      false
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
    case .elementwise(.unary(.negate)), .elementwise(.binary(.add)),
      .elementwise(.binary(.subtract)), .structural(.reshape), .structural(.broadcast):
      node.operands.allSatisfy { isAffine($0, in: compared) }
    case .elementwise(.binary(.multiply)):
      node.operands.contains { !varies[$0.index] }
        && node.operands.allSatisfy { isAffine($0, in: compared) }
    case .elementwise(.select):
      node.operands.dropFirst().allSatisfy { isAffine($0, in: compared) }
    case .input, .constant, .iota, .elementwise, .reduction, .contraction, .structural, .indexing:
      false
    }
  }
}

extension UnaryOp {
  /// What the function's derivatives do; nil when they are continuous.
  fileprivate var irregularity: SmoothnessReport.Kind? {
    switch self {
    case .absolute: .kink
    case .sign, .floor: .step
    // A condition (not) counts where it selects.
    case .negate, .exp, .log, .log1p, .sqrt, .rsqrt, .sin, .cos, .tanh, .sigmoid, .erf, .not: nil
    }
  }
}

extension BinaryOp {
  /// What the function's derivatives do; nil when they are continuous.
  fileprivate var irregularity: SmoothnessReport.Kind? {
    switch self {
    case .maximum, .minimum: .kink
    case .add, .subtract, .multiply, .divide, .power, .and, .or: nil
    }
  }
}

extension Node {
  /// Operands to which the node passes derivatives on.
  fileprivate var differentiableOperands: [NodeID] {
    switch op {
    case .elementwise(.unary(.sign)), .elementwise(.unary(.floor)), .elementwise(.unary(.not)),
      .elementwise(.binary(.and)), .elementwise(.binary(.or)):
      []
    case .elementwise(.unary), .elementwise(.binary): operands
    case .elementwise(.select): Array(operands.dropFirst())
    case .elementwise(.convert(let dtype)): dtype.isFloatingPoint ? operands : []
    case .reduction(.reduce), .contraction, .structural: operands
    case .indexing: [operands[0]]
    case .input, .constant, .iota, .elementwise(.compare), .reduction(.argmax),
      .reduction(.windowArgmax):
      []
    }
  }
}
