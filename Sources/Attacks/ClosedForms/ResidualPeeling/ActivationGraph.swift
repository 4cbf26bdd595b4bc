import Clients
import TensorGraph

/// A forward pass cut at its activations: between them everything is affine in the data, whatever branches,
/// skips and joins there are.
///
/// With s the arguments and t = φ(s) the values of the activations, the model is s = A t + b and t = φ(s);
/// cotangents go back by c(t) = Aᵀ c(s) and c(s) = φ'(s) c(t). The maps A depend on the weights alone.
struct ActivationGraph {
  /// One nonlinearity: `value` is a function, element by element, of `argument` and nothing else; or, of a
  /// maximum pooling, elements of `argument` that its values select.
  struct Activation {
    let argument: NodeID
    let value: NodeID
    var isSelection = false
  }

  /// A matrix product or convolution with a parameter.
  struct Contraction {
    let output: NodeID
    let input: NodeID
    /// Index among the graph's inputs.
    let parameter: Int
  }

  /// A value that is cut: what the affine maps start from.
  enum Source: Hashable {
    case data
    /// An activation's value, by its index.
    case activation(Int)
  }

  let graph: Graph
  let data: NodeID
  /// In the order of computation.
  let activations: [Activation]
  let contractions: [Contraction]
  /// What the argument of each activation depends on directly.
  let argumentSources: [Set<Source>]
  /// What the graph's output depends on directly.
  let outputSources: Set<Source>
  private let values: Set<NodeID>
  /// For each node what it depends on directly; empty where the data have no part.
  private let sources: [Set<Source>]

  /// The forward pass of a batch in f64; inputs are parameters, buffers, and the data last.
  ///
  /// - Throws: ``AttackError`` that says what is not affine.
  init(_ model: Model, batchSize: Int = 1, mode: ForwardMode) throws(AttackError) {
    let (graph, data) = try model.forwardGraph(
      batchSize: batchSize, mode: mode, computing: \.logits)
    try self.init(graph, data: data)
  }

  /// - Throws: ``AttackError`` that names the first operator that is neither affine nor pointwise.
  init(_ graph: Graph, data: NodeID) throws(AttackError) {
    let depends = graph.nodesDepending(on: data)
    var arguments = [NodeID?](repeating: nil, count: graph.nodes.count)
    var sources = [Set<Source>](repeating: [], count: graph.nodes.count)
    var activations: [Activation] = []
    var indices: [NodeID: Int] = [:]
    var contractions: [Contraction] = []
    sources[data.index] = [.data]

    /// An affine node reads `operand`: an activation's value is cut here.
    func source(of operand: NodeID) throws(AttackError) -> Set<Source> {
      guard let argument = arguments[operand.index] else { return sources[operand.index] }
      if let index = indices[operand] { return [.activation(index)] }
      guard !activations.contains(where: { $0.argument == argument && !$0.isSelection }) else {
        throw AttackError(
          "residual peeling reads one function of each layer's output, and node \(argument) of the "
            + "model has two; use the attack auto")
      }
      indices[operand] = activations.count
      activations.append(Activation(argument: argument, value: operand))
      return [.activation(activations.count - 1)]
    }

    for (index, node) in graph.nodes.enumerated() where depends[index] && index != data.index {
      let id = NodeID(index)
      let operands = node.operands.filter { depends[$0.index] }
      let isAffine = ActivationGraph.isAffine(node, depends)
      if case .elementwise = node.op,
        !isAffine || operands.contains(where: { arguments[$0.index] != nil }),
        let argument = graph.pointwiseArgument(of: id, depends)
      {
        arguments[index] = argument
        continue
      }
      if case .indexing = node.op, !isAffine {
        for operand in operands { sources[index].formUnion(try source(of: operand)) }
        arguments[index] = node.operands[0]
        indices[id] = activations.count
        activations.append(
          Activation(argument: node.operands[0], value: id, isSelection: true))
        continue
      }
      guard isAffine || !node.type.dtype.isFloatingPoint else {
        throw AttackError(
          "residual peeling needs a model that is affine between its activations, and "
            + "\(node.op.name) (node \(id)) is not; use the attack auto")
      }
      for operand in operands { sources[index].formUnion(try source(of: operand)) }
      if case .contraction = node.op,
        let weight = node.operands.first(where: { !depends[$0.index] }),
        case .input(let parameter, _) = graph[weight].op
      {
        contractions.append(Contraction(output: id, input: operands[0], parameter: parameter))
      }
    }
    outputSources = try source(of: graph.outputs[0])
    argumentSources = activations.map {
      sources[($0.isSelection ? $0.value : $0.argument).index]
    }
    self.graph = graph
    self.data = data
    self.activations = activations
    values = Set(activations.map(\.value))
    self.contractions = contractions
    self.sources = sources
  }

  /// What a node depends on directly; an activation's value on itself.
  func directSources(of node: NodeID) -> Set<Source> {
    if let index = activations.firstIndex(where: { $0.value == node }) {
      return [.activation(index)]
    }
    return sources[node.index]
  }

  /// The node that is cut.
  func node(of source: Source) -> NodeID {
    switch source {
    case .data: data
    case .activation(let index): activations[index].value
    }
  }

  /// Activations whose arguments depend on the source directly.
  func readers(of source: Source) -> [Int] {
    activations.indices.filter { argumentSources[$0].contains(source) }
  }

  /// Contractions whose input is the source's value itself, in whatever shape, and whose output nothing
  /// reaches but through it.
  func contractions(reading source: Source) -> [Contraction] {
    let node = node(of: source)
    return contractions.filter { graph.isReshaped($0.input, from: node) }
  }

  /// Whether a node depends directly on such a source otherwise than through some nodes.
  func depends(_ node: NodeID, on isOpen: (Source) -> Bool, around nodes: Set<NodeID>) -> Bool {
    guard !nodes.contains(node) else { return false }
    if node == data { return isOpen(.data) }
    if let index = activations.firstIndex(where: { $0.value == node }) {
      return isOpen(.activation(index))
    }
    return graph[node].operands.contains { depends($0, on: isOpen, around: nodes) }
  }

  /// Whether a node is an activation's value.
  func isValue(_ node: NodeID) -> Bool { values.contains(node) }

  /// Whether a node is computed from another element by element, without an activation between.
  func isUnmixed(_ node: NodeID, from other: NodeID) -> Bool {
    guard node > other else { return node == other }
    guard case .elementwise = graph[node].op, !isValue(node)
    else { return false }
    return graph[node].operands.contains { isUnmixed($0, from: other) }
  }

  /// Computes all nodes in `builder`, with values of one's own for some.
  ///
  /// - Parameters:
  ///   - inputs: one value for each of the graph's inputs.
  ///   - replaced: what stands for a node instead of what would compute it.
  /// - Returns: one value for each node.
  func values(
    in builder: GraphBuilder, inputs: [Value], replacing replaced: [NodeID: Value]
  ) throws(GraphError) -> [Value] {
    try graph.values(in: builder, inputs: inputs, replacing: replaced)
  }

  /// Whether a node is affine in those of its operands that depend on the data.
  static func isAffine(_ node: Node, _ depends: [Bool]) -> Bool {
    func isFixed(_ operand: Int) -> Bool { !depends[node.operands[operand].index] }
    switch node.op {
    case .input, .constant, .iota, .structural:
      return true
    case .elementwise(.unary(.negate)):
      return true
    case .elementwise(.unary), .elementwise(.compare), .reduction(.argmax),
      .reduction(.windowArgmax),
      .reduction(.reduce(.maximum, _)):
      return false
    case .elementwise(.binary(.add)), .elementwise(.binary(.subtract)):
      return true
    case .elementwise(.binary(.multiply)), .contraction:
      return isFixed(0) || isFixed(1)
    case .elementwise(.binary(.divide)), .indexing:
      return isFixed(1)
    case .elementwise(.binary(.power)), .elementwise(.binary(.maximum)),
      .elementwise(.binary(.minimum)), .elementwise(.binary(.and)), .elementwise(.binary(.or)):
      return false
    case .elementwise(.select):
      return isFixed(0)
    case .elementwise(.convert(let type)):
      return type.isFloatingPoint
    case .reduction(.reduce(.sum, _)):
      return true
    }
  }
}

extension Graph {
  /// Computes all nodes in `builder`, with values of one's own for some.
  ///
  /// - Parameters:
  ///   - inputs: one value for each of the graph's inputs.
  ///   - replaced: what stands for a node instead of what would compute it.
  /// - Returns: one value for each node.
  func values(
    in builder: GraphBuilder, inputs: [Value], replacing replaced: [NodeID: Value] = [:]
  ) throws(GraphError) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(nodes.count)
    for (index, node) in nodes.enumerated() {
      if let value = replaced[NodeID(index)] {
        values.append(value)
      } else if case .input(let input, _) = node.op {
        values.append(inputs[input])
      } else {
        values.append(try builder.add(node.op, node.operands.map { values[$0.index] }))
      }
    }
    return values
  }

  /// Which nodes depend on `data`, and in an affine way, all operands of theirs that depend on it likewise.
  func affineNodes(of data: NodeID) -> [Bool] {
    let depends = nodesDepending(on: data)
    var isAffine = [Bool](repeating: false, count: nodes.count)
    for (index, node) in nodes.enumerated() where depends[index] {
      isAffine[index] =
        index == data.index
        || ActivationGraph.isAffine(node, depends)
          && node.operands.allSatisfy { !depends[$0.index] || isAffine[$0.index] }
    }
    return isAffine
  }

  /// Whether a node holds another's elements in their order.
  fileprivate func isReshaped(_ node: NodeID, from other: NodeID) -> Bool {
    var node = node
    while node != other {
      guard case .structural(.reshape) = self[node].op else { return false }
      node = self[node].operands[0]
    }
    return true
  }
}
