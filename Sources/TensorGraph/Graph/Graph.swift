/// Identity of a node within its graph. Ids are consecutive and in topological order: every operand
/// has a smaller id than its user.
public struct NodeID: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let index: Int

  public init(_ index: Int) {
    self.index = index
  }

  public static func < (lhs: NodeID, rhs: NodeID) -> Bool { lhs.index < rhs.index }

  public var description: String { "%\(index)" }
}

/// One operator application.
public struct Node: Hashable, Sendable {
  public let op: Op
  public let operands: [NodeID]
  public let type: TensorType

  /// A node that no shape rule has checked, for passes of backends.
  package init(op: Op, operands: [NodeID], type: TensorType) {
    self.op = op
    self.operands = operands
    self.type = type
  }

  public var shape: Shape { type.shape }
  public var dtype: DType { type.dtype }
}

/// A computation over tensors of fixed shapes: a list of nodes in topological order, some of which
/// are inputs and some outputs. Immutable; made by ``GraphBuilder``.
public struct Graph: Sendable {
  /// A value bound by the caller.
  public struct Input: Hashable, Sendable {
    public let name: String
    public let type: TensorType
    /// Whether the value changes between runs. A backend may compute what depends on fixed inputs
    /// alone once, and keep it until the input is bound anew.
    public let role: InputRole
  }

  public let nodes: [Node]
  /// Inputs by their index in ``Op/input(index:_:)``. An input that no node reads any more keeps
  /// its index.
  public let inputs: [Input]
  public let outputs: [NodeID]

  package init(nodes: [Node], inputs: [Input], outputs: [NodeID]) {
    self.nodes = nodes
    self.inputs = inputs
    self.outputs = outputs
  }

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
