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

  /// Parameters and buffers, as they are bound.
  func weights(of cut: Cut) -> [(input: Value, buffer: HostBuffer)] {
    zip(cut.inputs, inputs).dropLast().map { ($0, $1) }
  }

  /// The cotangents of values for those of nodes, along the affine maps between activations.
  private func pullBack(
    _ cotangents: [(node: NodeID, cotangent: Tensor)], to targets: (Cut) -> [Value]
  ) throws(GraphError) -> [Tensor] {
    let cut = try cut(at: network.activations.indices)
    let results = cotangents.map { node, _ in
      let value = cut.nodes[node.index]
      return (value: value, cotangent: cut.builder.input("cotangent", value.shape, .f64))
    }
    let back = Value.pullback(results, to: targets(cut))
    let function = try compile(back, of: cut)
    for (result, given) in zip(results, cotangents) {
      function.bind(result.cotangent.handle, to: given.cotangent)
    }
    // Nothing depends on their values.
    for input in cut.cuts.values { _ = function.input(input.handle) }
    try function.run()
    return back.map { function.read($0.handle) }
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
    try pullBack(
      arguments.sorted { $0.key < $1.key }.map { (network.activations[$0.key].argument, $0.value) }
    ) { cut in contractions.map { cut.nodes[$0.output.index] } }
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
    var given: [(node: NodeID, cotangent: Tensor)] = network.readers(of: source).map { reader in
      guard let cotangent = arguments[reader] else {
        preconditionFailure("activation \(reader) comes after \(source)")
      }
      return (network.activations[reader].argument, cotangent)
    }
    if network.outputSources.contains(source) { given.append((network.graph.outputs[0], output)) }
    let back = try pullBack(given) { cut in
      guard let value = cut.cuts[source] else { preconditionFailure("\(source) is not cut") }
      return [value] + network.contractions(reading: source).map { cut.nodes[$0.output.index] }
    }
    return (back[0], Array(back[1...]))
  }

  /// The cotangent of a node for one of an activation's argument, along the affine maps between.
  func cotangent(
    of node: NodeID, argumentOf activation: Int, _ cotangent: Tensor
  ) throws(GraphError) -> Tensor {
    try pullBack([(network.activations[activation].argument, cotangent)]) {
      [$0.nodes[node.index]]
    }[0]
  }

  /// The gradients of parameters of one shape, where the cotangent of an activation's argument alone determines
  /// them, as it does those of biases.
  func biasGradients(
    shape: Shape, argumentOf activation: Int, _ cotangent: Tensor
  ) throws(GraphError) -> [(parameter: Int, gradient: Tensor)] {
    let cut = try cut(at: network.activations.indices)
    let argument = cut.nodes[network.activations[activation].argument.index]
    let given = cut.builder.input("cotangent", argument.shape, .f64)
    let indices = parameters.indices.filter { parameters[$0].shape == shape }
    guard !indices.isEmpty else { return [] }
    let back = Value.pullback(
      [(value: argument, cotangent: given)], to: indices.map { cut.inputs[$0] })
    let function = try compile(back, of: cut)
    function.bind(given.handle, to: cotangent)
    // What depends on values differs between two of them.
    let runs = try [0.0, 1].map { number throws(GraphError) in
      for input in cut.cuts.values {
        function.bind(input.handle, to: Tensor(input.shape, .f64, repeating: number))
      }
      try function.run()
      return back.map { function.read($0.handle) }
    }
    return zip(indices, zip(runs[0], runs[1])).compactMap { index, gradients in
      let (first, second) = gradients
      let isFixed = first.doubles == second.doubles && first.doubles.contains { $0 != 0 }
      return isFixed ? (index, first) : nil
    }
  }
}
