/// Something that runs graphs. Compile once for fixed shapes, run many times.
public protocol Backend: Sendable {
  /// Name shown to users, such as "cpu".
  var name: String { get }

  /// Plans the execution of a graph.
  ///
  /// - Throws: ``GraphError`` when the backend cannot run the graph.
  func compile(_ graph: Graph) throws(GraphError) -> any Executable

  /// Dense linear algebra on the same machine; plain loops by default.
  var linearAlgebra: any LinearAlgebra { get }
}

/// A compiled graph. Inputs and outputs are bound to buffers that the caller owns; then `run` may be
/// called any number of times, reading and writing those buffers, without allocating.
///
/// Not synchronised: one thread at a time. Buffers are retained while bound.
public protocol Executable: AnyObject {
  var graph: Graph { get }

  /// Binds an input. The contents of a ``InputRole/fixed`` input must not change until it is bound
  /// again: work that depends on fixed inputs alone may be kept between runs.
  func bind(input: Int, to buffer: HostBuffer)

  /// Binds an output. An output buffer must not be an input's.
  func bind(output: Int, to buffer: HostBuffer)

  /// Computes all outputs. Traps when an input or output is unbound.
  func run()

  /// Bytes this executable holds for intermediate values.
  var workspaceByteCount: Int { get }
}

extension Backend {
  /// Runs a graph once: for tests and one-off values.
  public func evaluate(_ graph: Graph, _ inputs: [Tensor]) throws(GraphError) -> [Tensor] {
    precondition(
      inputs.map(\.type) == graph.inputs.map(\.type),
      "inputs \(inputs.map(\.type)) do not fit the graph's \(graph.inputs.map(\.type))")
    let executable = try compile(graph)
    for (index, tensor) in inputs.enumerated() {
      executable.bind(input: index, to: HostBuffer(tensor))
    }
    let outputs = graph.outputTypes.map { HostBuffer($0) }
    for (index, buffer) in outputs.enumerated() { executable.bind(output: index, to: buffer) }
    executable.run()
    return outputs.map { $0.read() }
  }
}
