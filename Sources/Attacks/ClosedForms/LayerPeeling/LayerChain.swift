import Clients
import TensorGraph

/// A forward pass seen as a chain from the logits back to the input, where each link can be undone
/// on its own.
struct LayerChain {
  /// One link: `output` computed from `input`, and from nothing else that depends on the data.
  enum Link {
    /// A matrix product or convolution with a parameter, given by its index.
    case contraction(output: NodeID, input: NodeID, parameter: Int)
    /// A rearrangement of elements.
    case structural(output: NodeID, input: NodeID)
    /// Each element from the one in its place: biases, activations, normalisation with given
    /// statistics.
    case elementwise(output: NodeID, input: NodeID)
  }

  /// From the output to the input.
  let links: [Link]

  /// - Throws: ``AttackError`` that names the first layer that is no link of a chain.
  init(_ graph: Graph, from output: NodeID, data: NodeID) throws(AttackError) {
    let depends = graph.nodesDepending(on: data)
    var links: [Link] = []
    var current = output
    guard depends[current.index] else {
      throw AttackError("the model's output does not depend on its input")
    }
    while current != data {
      let link = try LayerChain.link(from: current, graph, depends)
      links.append(link)
      switch link {
      case .contraction(_, let input, _), .structural(_, let input), .elementwise(_, let input):
        current = input
      }
    }
    self.links = links
  }

  private static func link(
    from output: NodeID, _ graph: Graph, _ depends: [Bool]
  ) throws(AttackError) -> Link {
    let node = graph[output]
    let sources = node.operands.filter { depends[$0.index] }
    switch node.op {
    case .contraction(.matmul), .contraction(.convolution), .contraction(.convolutionInputGradient):
      guard sources.count == 1, let weight = node.operands.first(where: { !depends[$0.index] }),
        case .input(let index, _) = graph[weight].op
      else {
        throw AttackError(
          "layer peeling needs weights that are parameters themselves; \(node.op.name) \(output) "
            + "multiplies other values; use the attack auto")
      }
      return .contraction(output: output, input: sources[0], parameter: index)
    case .structural(.reshape), .structural(.transpose):
      return .structural(output: output, input: sources[0])
    case .elementwise(.unary), .elementwise(.binary), .elementwise(.select),
      .elementwise(.convert):
      return .elementwise(
        output: output, input: try elementwiseSource(of: output, graph, depends))
    case .input, .constant, .iota, .elementwise(.compare), .reduction,
      .contraction(.convolutionWeightGradient), .structural(.broadcast), .structural(.slice),
      .structural(.pad), .structural(.concatenate), .indexing:
      throw AttackError(
        "layer peeling cannot undo \(node.op.name) (node \(output) of the model); it needs a chain "
          + "of fully connected or convolutional layers and invertible activations; use the attack auto"
      )
    }
  }

  /// The one value from which a region of elementwise nodes computes `output`.
  private static func elementwiseSource(
    of output: NodeID, _ graph: Graph, _ depends: [Bool]
  ) throws(AttackError) -> NodeID {
    guard let source = graph.pointwiseArgument(of: output, depends) else {
      throw AttackError(
        "layer peeling needs one path through the model, and two meet at node \(output) "
          + "(a skip connection, perhaps); use the attack auto")
    }
    return source
  }
}

extension Graph {
  /// For each node: whether it depends on `source`.
  func nodesDepending(on source: NodeID) -> [Bool] {
    var depends = [Bool](repeating: false, count: nodes.count)
    depends[source.index] = true
    for (index, node) in nodes.enumerated() where !depends[index] {
      depends[index] = node.operands.contains { depends[$0.index] }
    }
    return depends
  }

  /// The nearest value of which a node is a function, element by element; nil when it is one of several.
  func pointwiseArgument(of node: NodeID, _ depends: [Bool]) -> NodeID? {
    // Ids are topological: replacing the largest by its operands ends at the region's only entry.
    var frontier: Set<NodeID> = [node]
    repeat {
      guard let latest = frontier.max(), case .elementwise = self[latest].op else { return nil }
      frontier.remove(latest)
      frontier.formUnion(self[latest].operands.filter { depends[$0.index] })
    } while frontier.count > 1
    return frontier.first
  }
}
