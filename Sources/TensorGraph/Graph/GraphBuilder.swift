/// Builds a graph node by node. Equal nodes are built once (hash-consing), so common
/// subexpressions never exist twice; with `simplifies`, algebraic identities are applied as well.
public final class GraphBuilder {
  private(set) var nodes: [Node] = []
  private(set) var inputs: [Graph.Input] = []
  private var ids: [NodeKey: NodeID] = [:]
  /// Whether algebraic identities are applied as nodes are added.
  public let simplifies: Bool

  private struct NodeKey: Hashable {
    let op: Op
    let operands: [NodeID]
    /// The bits of a constant: as numbers, 0 and -0 are equal, and NaN is unequal to itself.
    let constantBits: UInt64

    init(_ op: Op, _ operands: [NodeID]) {
      if case .constant(let value, let dtype) = op {
        self.op = .constant(0, dtype)
        constantBits = value.bitPattern
      } else {
        self.op = op
        constantBits = 0
      }
      self.operands = operands
    }
  }

  /// An empty graph under construction.
  public init(simplifies: Bool = true) {
    self.simplifies = simplifies
  }

  /// Number of nodes built so far.
  public var nodeCount: Int { nodes.count }

  /// Declares the next input. Names serve printing and error messages.
  public func input(
    _ name: String, _ shape: Shape, _ dtype: DType, role: InputRole = .varying
  ) -> Value {
    let type = TensorType(shape, dtype)
    inputs.append(Graph.Input(name: name, type: type, role: role))
    return apply(.input(index: inputs.count - 1, type), [])
  }

  /// A scalar constant.
  public func constant(_ value: Double, _ dtype: DType) -> Value {
    apply(.constant(value, dtype), [])
  }

  /// A tensor whose elements are all `value`.
  public func constant(_ value: Double, _ shape: Shape, _ dtype: DType) -> Value {
    constant(value, dtype).broadcast(to: shape, axes: [])
  }

  /// The index along `axis` at every element.
  public func iota(_ shape: Shape, axis: Int, _ dtype: DType = .i32) -> Value {
    apply(.iota(TensorType(shape, dtype), axis: axis), [])
  }

  /// Adds a node, for callers whose graph comes from a file.
  ///
  /// - Throws: ``GraphError`` when the operands do not fit the operator.
  public func add(_ op: Op, _ operands: [Value]) throws(GraphError) -> Value {
    for operand in operands {
      precondition(operand.builder === self, "operand \(operand.id) belongs to another graph")
    }
    let type = try op.resultType(operands.map(\.type))
    if simplifies, let simpler = simplified(op, operands, type) { return simpler }
    var operandIDs = operands.map(\.id)
    // a + b and b + a are one node: IEEE addition and multiplication commute exactly.
    if simplifies, op.isCommutative { operandIDs.sort() }
    let key = NodeKey(op, operandIDs)
    if let id = ids[key] { return Value(id: id, builder: self) }
    let id = NodeID(nodes.count)
    nodes.append(Node(op: op, operands: operandIDs, type: type))
    ids[key] = id
    return Value(id: id, builder: self)
  }

  /// Adds a node; traps when the operands do not fit the operator.
  func apply(_ op: Op, _ operands: [Value]) -> Value {
    do {
      return try add(op, operands)
    } catch {
      preconditionFailure(error.message)
    }
  }

  func node(_ id: NodeID) -> Node { nodes[id.index] }

  /// The graph that computes `outputs`. Nodes that no output needs are left out; inputs keep their
  /// indices.
  public func build(outputs: [Value]) -> Graph {
    for output in outputs {
      precondition(output.builder === self, "output \(output.id) belongs to another graph")
    }
    return Graph(nodes: nodes, inputs: inputs, outputs: outputs.map(\.id)).removingDeadNodes()
  }

  /// Copies a graph into this builder, feeding its inputs from `inputs`.
  ///
  /// - Returns: the graph's outputs.
  public func inline(_ graph: Graph, inputs: [Value]) -> [Value] {
    precondition(
      inputs.map(\.type) == graph.inputs.map(\.type),
      "inputs \(inputs.map(\.type)) do not fit the graph's \(graph.inputs.map(\.type))")
    var values: [Value] = []
    values.reserveCapacity(graph.nodes.count)
    for node in graph.nodes {
      if case .input(let index, _) = node.op {
        values.append(inputs[index])
      } else {
        values.append(apply(node.op, node.operands.map { values[$0.index] }))
      }
    }
    return graph.outputs.map { values[$0.index] }
  }
}

extension Op {
  var isCommutative: Bool {
    switch self {
    case .elementwise(.binary(let op)): op.isCommutative
    case .elementwise(.compare(let comparison)): comparison == .equal
    case .input, .constant, .iota, .elementwise(.unary), .elementwise(.select),
      .elementwise(.convert), .reduction, .contraction, .structural, .indexing:
      false
    }
  }
}

extension BinaryOp {
  fileprivate var isCommutative: Bool {
    switch self {
    case .add, .multiply, .and, .or: true
    // Of two zeros, or of two NaNs, which one is the result may depend on the order.
    case .subtract, .divide, .power, .maximum, .minimum: false
    }
  }
}
