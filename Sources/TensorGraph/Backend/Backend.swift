/// Something that runs graphs. Compile once for fixed shapes, run many times; ``CompiledFunction`` does
/// it by the names of inputs and outputs.
public protocol Backend: Sendable {
  /// Name shown to users, such as "cpu".
  var name: String { get }

  /// What computes, for records of results: names and versions that they depend on. Nil, by default, of backends
  /// whose results the machine and the program determine.
  var provenance: String? { get }

  /// What it can do. A graph with other element types is refused before it is compiled.
  var capabilities: BackendCapabilities { get }

  /// Plans the execution of a graph.
  ///
  /// - Throws: ``GraphError`` when the backend cannot run the graph.
  func compile(_ graph: Graph) throws(GraphError) -> any Executable

  /// Dense linear algebra on the same machine; plain loops by default.
  var linearAlgebra: any LinearAlgebra { get }
}

extension Backend {
  /// Nothing besides machine and program.
  public var provenance: String? { nil }
}

/// What a backend can do.
public struct BackendCapabilities: Sendable {
  /// Element types that it computes with.
  public let elementTypes: Set<DType>
  /// Threads of this machine that share the work of a run.
  public let threadCount: Int
  /// Bytes of memory of its own that graphs are run in; nil for this machine's memory.
  public let deviceMemoryByteCount: Int?

  /// A backend of these element types (all by default), threads and memory.
  public init(
    elementTypes: Set<DType> = Set(DType.allCases), threadCount: Int,
    deviceMemoryByteCount: Int? = nil
  ) {
    self.elementTypes = elementTypes
    self.threadCount = threadCount
    self.deviceMemoryByteCount = deviceMemoryByteCount
  }

  var elementTypeList: String {
    DType.allCases.filter(elementTypes.contains).map(\.rawValue).joined(separator: ", ")
  }
}

/// A compiled graph. Inputs and outputs are bound to buffers that the caller owns; then `run` may be
/// called any number of times, reading and writing those buffers, without allocating.
///
/// Not synchronised: one thread at a time. Buffers are retained while bound.
public protocol Executable: AnyObject {
  var graph: Graph { get }

  /// Binds an input.
  ///
  /// A ``InputRole/varying`` input is read in every run. A ``InputRole/fixed`` one need be read only
  /// once for each binding, in the first run after it: a backend may upload it then, and keep that and
  /// all that depends on fixed inputs alone. Its contents must not change until it is bound again, to
  /// the same buffer or to another.
  func bind(input: Int, to buffer: HostBuffer)

  /// Binds an output: its buffer holds the result when a run has ended. An output buffer must not be an
  /// input's.
  func bind(output: Int, to buffer: HostBuffer)

  /// Computes all outputs. Traps when an input or output is unbound.
  ///
  /// - Throws: ``GraphError`` when the run fails, for want of memory on a device for instance. The outputs
  ///   are then undefined.
  func run() throws(GraphError)

  /// Bytes this executable holds for intermediate values.
  var workspaceByteCount: Int { get }
}
