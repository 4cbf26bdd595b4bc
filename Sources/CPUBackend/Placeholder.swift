import TensorGraph

public struct CPUBackend: Backend {
  public init(threads: Int? = nil) {}
  public var name: String { "cpu" }
  public func compile(_ graph: Graph) throws(GraphError) -> any Executable {
    try ReferenceInterpreter().compile(graph)
  }
}
