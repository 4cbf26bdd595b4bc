/// A function compiled by a backend: how a graph is bound, run and read.
///
/// It owns the memory of its outputs, and that of its inputs unless they are bound to other memory.
/// Not synchronised: one thread at a time.
public final class CompiledFunction {
  private let function: GraphFunction
  /// What the backend made of the graph.
  public let executable: any Executable
  private var inputs: [HostBuffer?]
  /// The memory of all outputs, in order.
  public let outputs: [HostBuffer]

  /// - Throws: ``GraphError`` when the backend cannot run the graph.
  public init(_ function: GraphFunction, on backend: any Backend) throws(GraphError) {
    self.function = function
    executable = try backend.compileChecked(function.graph)
    inputs = [HostBuffer?](repeating: nil, count: function.graph.inputs.count)
    outputs = executable.bindNewOutputs()
  }

  /// The memory that the input is read from in every run, made when it is first asked for. What is
  /// written to that of a fixed input counts from its next ``bind(_:to:)-(ValueHandle,HostBuffer)``.
  public func input(_ value: ValueHandle) -> HostBuffer {
    let index = function.index(ofInput: value)
    if let buffer = inputs[index] { return buffer }
    let buffer = HostBuffer(function.graph.inputs[index].type)
    bind(value, to: buffer)
    return buffer
  }

  /// Reads the input from memory that others may share.
  public func bind(_ value: ValueHandle, to buffer: HostBuffer) {
    let index = function.index(ofInput: value)
    inputs[index] = buffer
    executable.bind(input: index, to: buffer)
  }

  /// Gives the input the value `tensor`, rounded to its element type.
  public func bind(_ value: ValueHandle, to tensor: Tensor) {
    let type = function.graph.inputs[function.index(ofInput: value)].type
    bind(value, to: HostBuffer(tensor.converted(to: type.dtype)))
  }

  /// Gives each input its tensor; there are as many of both.
  public func bind(_ values: [ValueHandle], to tensors: [Tensor]) {
    precondition(
      values.count == tensors.count, "\(tensors.count) tensors for \(values.count) inputs")
    for (value, tensor) in zip(values, tensors) { bind(value, to: tensor) }
  }

  /// Computes all outputs. Traps when an input is unbound.
  ///
  /// - Throws: ``GraphError`` when the run fails.
  public func run() throws(GraphError) { try executable.run() }

  /// The memory that every run writes the output to.
  public func output(_ value: ValueHandle) -> HostBuffer {
    outputs[function.index(ofOutput: value)]
  }

  /// A copy of what the latest run computed.
  public func read(_ value: ValueHandle) -> Tensor { output(value).read() }
}

extension Executable {
  fileprivate func bindNewOutputs() -> [HostBuffer] {
    graph.outputTypes.enumerated().map { index, type in
      let buffer = HostBuffer(type)
      bind(output: index, to: buffer)
      return buffer
    }
  }
}

extension Backend {
  /// Runs a graph once, with its inputs in the order of their declaration: for one-off values.
  public func evaluate(_ graph: Graph, _ inputs: [Tensor]) throws(GraphError) -> [Tensor] {
    precondition(
      inputs.map(\.type) == graph.inputs.map(\.type),
      "inputs \(inputs.map(\.type)) do not fit the graph's \(graph.inputs.map(\.type))")
    let executable = try compileChecked(graph)
    for (index, tensor) in inputs.enumerated() {
      executable.bind(input: index, to: HostBuffer(tensor))
    }
    let outputs = executable.bindNewOutputs()
    try executable.run()
    return outputs.map { $0.read() }
  }

  fileprivate func compileChecked(_ graph: Graph) throws(GraphError) -> any Executable {
    let capabilities = capabilities
    for type in graph.nodes.lazy.map(\.dtype) where !capabilities.elementTypes.contains(type) {
      throw GraphError(
        "the backend \(name) computes in \(capabilities.elementTypeList) and not in \(type), which the "
          + "graph asks for", .unsupported)
    }
    return try compile(graph)
  }
}
