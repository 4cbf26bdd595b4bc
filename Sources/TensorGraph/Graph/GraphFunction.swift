/// A value of a graph under construction, as its user binds or reads it later, whatever became of the
/// graph meanwhile.
public struct ValueHandle: Hashable, Sendable {
  fileprivate let id: NodeID
}

extension Value {
  /// By which this value is bound or read in a ``GraphFunction`` of its builder.
  public var handle: ValueHandle { ValueHandle(id: id) }
}

/// A graph whose inputs and outputs go by the values that they were when it was built, so that nobody
/// counts them. Functions of one builder share their inputs' handles.
public struct GraphFunction: Sendable {
  /// What is compiled; its inputs and outputs have handles.
  public let graph: Graph
  private let inputs: [ValueHandle: Int]
  private let outputs: [ValueHandle: Int]

  fileprivate init(_ graph: Graph, inputs: [ValueHandle: Int], outputs: [ValueHandle: Int]) {
    self.graph = graph
    self.inputs = inputs
    self.outputs = outputs
  }

  /// The input's index in ``Graph/inputs``; traps when the value is none of this function's inputs.
  public func index(ofInput value: ValueHandle) -> Int {
    guard let index = inputs[value] else { preconditionFailure("\(value.id) is no input") }
    return index
  }

  /// The output's index in ``Graph/outputs``; traps when the value is none of this function's outputs.
  public func index(ofOutput value: ValueHandle) -> Int {
    guard let index = outputs[value] else { preconditionFailure("\(value.id) is no output") }
    return index
  }

  /// The function of the same inputs that computes nodes of ``graph`` instead, in order. They have no
  /// handles.
  public func computing(_ nodes: [NodeID]) -> GraphFunction {
    let graph = Graph(nodes: graph.nodes, inputs: graph.inputs, outputs: nodes)
    return GraphFunction(graph.removingDeadNodes(), inputs: inputs, outputs: [:])
  }

  /// The function of `count` values of some inputs at once; see ``Graph/vectorized(inputs:count:)``.
  public func vectorized(inputs: [ValueHandle], count: Int) -> GraphFunction {
    let indices = Set(inputs.map { index(ofInput: $0) })
    return GraphFunction(
      graph.vectorized(inputs: indices, count: count), inputs: self.inputs, outputs: outputs)
  }
}

extension GraphBuilder {
  /// The function that computes `results` of all inputs declared so far. A value that is given twice is
  /// one output.
  public func function(computing results: [Value]) -> GraphFunction {
    var outputs: [ValueHandle: Int] = [:]
    var distinct: [Value] = []
    for value in results where outputs[value.handle] == nil {
      outputs[value.handle] = distinct.count
      distinct.append(value)
    }
    var inputs: [ValueHandle: Int] = [:]
    for (index, node) in nodes.enumerated() {
      if case .input(let input, _) = node.op { inputs[ValueHandle(id: NodeID(index))] = input }
    }
    return GraphFunction(build(outputs: distinct), inputs: inputs, outputs: outputs)
  }
}
