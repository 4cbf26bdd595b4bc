/// Puts nodes into topological order, which ONNX asks for and some writers do not keep.
enum NodeOrder {
  /// The nodes such that each comes after those whose results it takes; in the given order where that
  /// is so already.
  ///
  /// - Throws: ``ONNXError`` when values depend on each other in a circle.
  static func sorted(_ nodes: [NodeProto]) throws(ONNXError) -> [NodeProto] {
    var producers: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for name in node.output where !name.isEmpty && producers[name] == nil {
        producers[name] = index
      }
    }
    var isSorted = true
    let dependencies = nodes.enumerated().map { index, node in
      var found = node.input.compactMap { producers[$0] }
      for attribute in node.attribute where attribute.hasG || !attribute.graphs.isEmpty {
        // A graph inside takes what it does not compute itself.
        found += outerNames(of: attribute).compactMap { producers[$0] }.filter { $0 != index }
      }
      if found.contains(where: { $0 >= index }) { isSorted = false }
      return found
    }
    return isSorted ? nodes : try order(nodes, dependencies).map { nodes[$0] }
  }

  /// A walk in depth, with a stack of its own: chains may be long.
  private static func order(
    _ nodes: [NodeProto], _ dependencies: [[Int]]
  ) throws(ONNXError) -> [Int] {
    enum State { case new, open, done }
    var states = [State](repeating: .new, count: nodes.count)
    var order: [Int] = []
    var stack: [(node: Int, next: Int)] = []
    for root in nodes.indices where states[root] == .new {
      states[root] = .open
      stack.append((root, 0))
      while let (node, next) = stack.last {
        guard next < dependencies[node].count else {
          states[node] = .done
          order.append(node)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let dependency = dependencies[node][next]
        switch states[dependency] {
        case .done: break
        case .new:
          states[dependency] = .open
          stack.append((dependency, 0))
        case .open:
          let name = nodes[dependency].output.first { !$0.isEmpty } ?? ""
          throw ONNXError(
            .malformed,
            "the value \(name.quotedForMessage) (\(nodes[dependency].opType)) depends on itself: the "
              + "graph has a circle; export the model again")
        }
      }
    }
    return order
  }

  /// Names that the graphs of an attribute may take from around them.
  static func outerNames(of attribute: AttributeProto) -> [String] {
    let graphs = attribute.hasG ? [attribute.g] + attribute.graphs : attribute.graphs
    return graphs.flatMap { graph in
      graph.output.map(\.name)
        + graph.node.flatMap { $0.input + $0.attribute.flatMap(outerNames) }
    }
  }
}
