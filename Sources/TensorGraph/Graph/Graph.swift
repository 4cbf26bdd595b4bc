/// Identity of a node within its graph. Ids are consecutive and in topological order: every operand
/// has a smaller id than its user.
public struct NodeID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The node's place in ``Graph/nodes``.
  public let index: Int

  /// The node at `index` of its graph.
  public init(_ index: Int) {
    self.index = index
  }

  /// Whether the left node comes first.
  public static func < (lhs: NodeID, rhs: NodeID) -> Bool { lhs.index < rhs.index }

  /// As printed graphs name it: "%7".
  public var description: String { "%\(index)" }
}

/// One operator application.
public struct Node: Hashable, Sendable {
  /// What is computed.
  public let op: Op
  /// What it reads, in the operator's order.
  public let operands: [NodeID]
  /// Of the result.
  public let type: TensorType

  /// A node that no shape rule has checked, for passes of backends.
  package init(op: Op, operands: [NodeID], type: TensorType) {
    self.op = op
    self.operands = operands
    self.type = type
  }

  /// Of the result.
  public var shape: Shape { type.shape }
  /// The result's element type.
  public var dtype: DType { type.dtype }
}

/// A computation over tensors of fixed shapes: a list of nodes in topological order, some of which
/// are inputs and some outputs. Immutable; made by ``GraphBuilder``.
public struct Graph: Sendable {
  /// A value bound by the caller.
  public struct Input: Hashable, Sendable {
    /// For people; need not be unique.
    public let name: String
    /// What may be bound to it.
    public let type: TensorType
    /// Whether the value changes between runs. A backend may compute what depends on fixed inputs
    /// alone once, and keep it until the input is bound anew.
    public let role: InputRole
  }

  /// In topological order; a node's id is its place.
  public let nodes: [Node]
  /// Inputs by their index in ``Op/input(index:_:)``. An input that no node reads any more keeps
  /// its index.
  public let inputs: [Input]
  /// What a run computes, in order.
  public let outputs: [NodeID]

  package init(nodes: [Node], inputs: [Input], outputs: [NodeID]) {
    self.nodes = nodes
    self.inputs = inputs
    self.outputs = outputs
  }

  /// The node of an id of this graph.
  public subscript(id: NodeID) -> Node { nodes[id.index] }

  /// Types of the outputs, in order.
  public var outputTypes: [TensorType] { outputs.map { self[$0].type } }
}

/// How often an input changes.
public enum InputRole: Hashable, Sendable {
  /// Bound once for many runs, like weights and target gradients.
  case fixed
  /// Changes from run to run, like dummy data.
  case varying
}
