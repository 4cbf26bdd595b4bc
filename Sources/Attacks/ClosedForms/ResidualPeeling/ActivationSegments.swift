import TensorGraph

/// The affine maps between a model's activations, run with given weights: cotangents back, values forth.
final class ActivationSegments {
  let network: ActivationGraph
  let backend: any Backend
  /// Parameters, buffers and, last, a place for the data.
  private let inputs: [HostBuffer]
  private let parameters: [Tensor]

  /// - Parameter parameters: parameters and buffers in f64.
  init(_ network: ActivationGraph, parameters: [Tensor], backend: any Backend) {
    self.network = network
    self.backend = backend
    self.parameters = parameters
    inputs =
      parameters.map { HostBuffer($0) } + [HostBuffer(network.graph[network.data].type)]
  }

  /// The graph in a builder, cut at some values.
  struct Cut {
    let builder: GraphBuilder
    /// Parameters, buffers and the data.
    let inputs: [Value]
    /// What stands for each cut value.
    let cuts: [ActivationGraph.Source: Value]
    /// One for each node.
    let nodes: [Value]

    var data: Value { inputs[inputs.count - 1] }
  }

  /// - Parameters:
  ///   - sources: activations that are inputs of their own; others are computed.
  ///   - dataRole: whether the data change from run to run.
  func cut(
    at sources: some Sequence<Int>, dataRole: InputRole = .varying
  ) throws(GraphError) -> Cut {
    let builder = GraphBuilder()
    let graph = network.graph
    let values = graph.inputs.enumerated().map { index, input in
      builder.input(
        input.name, input.type.shape, input.type.dtype,
        role: index == graph.inputs.count - 1 ? dataRole : .fixed)
    }
    var cuts: [ActivationGraph.Source: Value] = [.data: values[values.count - 1]]
    var replaced: [NodeID: Value] = [:]
    for index in sources {
      let node = network.activations[index].value
      let value = builder.input("activation \(index)", graph[node].shape, .f64)
      cuts[.activation(index)] = value
      replaced[node] = value
    }
    return Cut(
      builder: builder, inputs: values, cuts: cuts,
      nodes: try network.values(in: builder, inputs: values, replacing: replaced))
  }

  /// Compiles, and binds what the weights are; the data unless the caller binds them.
  func compile(_ results: [Value], of cut: Cut) throws(GraphError) -> CompiledFunction {
    let function = try CompiledFunction(cut.builder.function(computing: results), on: backend)
    for (input, buffer) in zip(cut.inputs, inputs) { function.bind(input.handle, to: buffer) }
    return function
  }

  /// The activation whose argument a contraction's output goes to, unmixed and nowhere else.
  func activation(reading contraction: ActivationGraph.Contraction) -> Int? {
    let reached = activations(reachedFrom: contraction.output)
    guard reached.count == 1, let index = reached.first,
      network.isUnmixed(network.activations[index].argument, from: contraction.output)
    else { return nil }
    return index
  }

  /// Activations whose arguments depend on a node without another activation between.
  private func activations(reachedFrom node: NodeID) -> [Int] {
    var isReached = Set([node])
    for index in node.index..<network.graph.nodes.count {
      let id = NodeID(index)
      guard !network.isValue(id),
        network.graph.nodes[index].operands.contains(where: isReached.contains)
      else { continue }
      isReached.insert(id)
    }
    return network.activations.indices.filter {
      isReached.contains(network.activations[$0].argument)
    }
  }

  /// Contractions whose output's cotangent is known, and which read what depends on an unknown value.
  ///
  /// - Parameter known: activations whose arguments' cotangents are known.
  func openContractions(knowing known: Set<Int>) -> [ActivationGraph.Contraction] {
    network.contractions.filter { contraction in
      let readers = activations(reachedFrom: contraction.output)
      return !readers.isEmpty && known.isSuperset(of: readers)
        && network.directSources(of: contraction.input).contains { source in
          guard case .activation(let index) = source else { return true }
          return !known.contains(index)
        }
    }
  }

  /// The cotangents of contractions' outputs.
  ///
  /// - Parameter arguments: cotangents of the arguments of all activations that the outputs reach.
  func cotangents(
    of contractions: [ActivationGraph.Contraction], arguments: [Int: Tensor]
  ) throws(GraphError) -> [Tensor] {
    let cut = try cut(at: network.activations.indices)
    var results: [(value: Value, cotangent: Value)] = []
    var bound: [(Value, Tensor)] = []
    for (index, cotangent) in arguments.sorted(by: { $0.key < $1.key }) {
      let result = cut.nodes[network.activations[index].argument.index]
      let input = cut.builder.input("cotangent", result.shape, .f64)
      results.append((result, input))
      bound.append((input, cotangent))
    }
    let back = Value.pullback(results, to: contractions.map { cut.nodes[$0.output.index] })
    let function = try compile(back, of: cut)
    for (input, tensor) in bound { function.bind(input.handle, to: tensor) }
    for input in cut.cuts.values { _ = function.input(input.handle) }
    try function.run()
    return back.map { function.read($0.handle) }
  }

  /// Elementwise function of an activation.
  func inverse(of activation: Int) throws(GraphError) -> ElementwiseInverse {
    let activation = network.activations[activation]
    return try ElementwiseInverse(
      network.graph, from: activation.argument, to: activation.value, inputs: parameters,
      backend: backend)
  }

  /// The cotangents of a cut value, and of the outputs of contractions that read it.
  ///
  /// - Parameters:
  ///   - arguments: cotangents of the arguments of all activations that read the value.
  ///   - output: cotangent of the graph's output.
  func cotangents(
    of source: ActivationGraph.Source, arguments: [Int: Tensor], output: Tensor
  ) throws(GraphError) -> (value: Tensor, contractions: [Tensor]) {
    let cut = try cut(at: network.activations.indices)
    guard let value = cut.cuts[source] else { preconditionFailure("\(source) is not cut") }
    var results: [(value: Value, cotangent: Value)] = []
    var bound: [(Value, Tensor)] = []
    func add(_ node: NodeID, _ cotangent: Tensor) {
      let result = cut.nodes[node.index]
      let input = cut.builder.input("cotangent", result.shape, .f64)
      results.append((result, input))
      bound.append((input, cotangent))
    }
    for reader in network.readers(of: source) {
      guard let cotangent = arguments[reader] else {
        preconditionFailure("activation \(reader) comes after \(source)")
      }
      add(network.activations[reader].argument, cotangent)
    }
    if network.outputSources.contains(source) { add(network.graph.outputs[0], output) }
    let outputs = network.contractions(reading: source).map { cut.nodes[$0.output.index] }
    let back = Value.pullback(results, to: [value] + outputs)
    let function = try compile(back, of: cut)
    for (input, tensor) in bound { function.bind(input.handle, to: tensor) }
    for input in cut.cuts.values { _ = function.input(input.handle) }
    try function.run()
    return (function.read(back[0].handle), back[1...].map { function.read($0.handle) })
  }

  /// The cotangent of a node for one of an activation's argument, along the affine maps between.
  func cotangent(
    of node: NodeID, argumentOf activation: Int, _ cotangent: Tensor
  ) throws(GraphError) -> Tensor {
    let cut = try cut(at: network.activations.indices)
    let argument = cut.nodes[network.activations[activation].argument.index]
    let input = cut.builder.input("cotangent", argument.shape, .f64)
    let back = argument.pullback(input, to: [cut.nodes[node.index]])[0]
    let function = try compile([back], of: cut)
    function.bind(input.handle, to: cotangent)
    for input in cut.cuts.values { _ = function.input(input.handle) }
    try function.run()
    return function.read(back.handle)
  }
}
