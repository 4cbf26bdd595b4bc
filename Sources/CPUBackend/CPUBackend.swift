import CKernels
import TensorGraph

/// The embedded backend: plans a graph once (fusion, buffers, packed weights, shares of the work) and
/// then runs the plan on the processor's cores without allocating.
///
/// Results do not depend on the number of threads, and the same graph on the same machine gives the
/// same bits on every run.
public struct CPUBackend: Backend {
  /// What to do besides the defaults; the switches serve debugging and measurement.
  public struct Options: Sendable {
    /// Threads that share the work of a run; nil for one per active processor.
    public var threadCount: Int?
    /// Whether elementwise operators and reductions are evaluated together, block by block. Without
    /// it every operator is a step of its own.
    public var fusesElementwise: Bool
    /// Whether algebraic identities are applied before planning.
    public var simplifies: Bool
    /// Whether the time of every step is recorded, for ``CPUExecutable/stepTimes``.
    public var recordsStepTimes: Bool

    /// Whether the memory of intermediate values is filled with NaNs before the first run: results
    /// that change read what no step wrote.
    package var poisonsWorkspace = false
    /// The vector instructions that kernels are compiled for; nil for the best there are.
    package var instructionSet: InstructionSet?

    /// Options that are the defaults but for those given; `threadCount` is at least 1.
    public init(
      threadCount: Int? = nil, fusesElementwise: Bool = true, simplifies: Bool = true,
      recordsStepTimes: Bool = false
    ) {
      precondition(threadCount ?? 1 >= 1, "\(threadCount ?? 0) threads")
      self.threadCount = threadCount
      self.fusesElementwise = fusesElementwise
      self.simplifies = simplifies
      self.recordsStepTimes = recordsStepTimes
    }

    /// Threads that an executable is made with.
    var resolvedThreadCount: Int { min(threadCount ?? Int(ck_processor_count()), 64) }
  }

  /// Vector instructions that there are kernels for. `baseline` is what every processor of the
  /// architecture has.
  package enum InstructionSet: Sendable, CaseIterable {
    case baseline, avx2, avx512
  }

  /// What it was made with.
  public let options: Options

  /// A backend on this machine's processor.
  public init(_ options: Options = Options()) {
    self.options = options
  }

  /// `cpu`.
  public var name: String { "cpu" }

  /// All element types, and as many threads as the options say.
  public var capabilities: BackendCapabilities {
    BackendCapabilities(threadCount: options.resolvedThreadCount)
  }

  /// Plans the execution of a graph; see ``makeExecutable(_:)``.
  public func compile(_ graph: Graph) throws(GraphError) -> any Executable {
    try makeExecutable(graph)
  }

  /// Compiles a graph to an executable whose plan can be looked at.
  ///
  /// - Throws: `GraphError` when the graph has more axes than the kernels take, or needs more
  ///   memory than there can be.
  public func makeExecutable(_ graph: Graph) throws(GraphError) -> CPUExecutable {
    let canonical = try graph.canonicalised(simplifies: options.simplifies)
    guard let variant = options.instructionSet.map({ $0.variant }) ?? ck_best_variant() else {
      throw GraphError(
        "this processor lacks the vector instructions that were asked for", .unsupported)
    }
    let plan = try Lowering.plan(
      canonical, variant, fusesElementwise: options.fusesElementwise)
    return try CPUExecutable(graph: graph, plan: plan, variant, options: options)
  }
}

extension CPUBackend.InstructionSet {
  /// Its kernels; nil when this processor lacks it.
  fileprivate var variant: OpaquePointer? {
    switch self {
    case .baseline: ck_find_variant(CK_BASELINE)
    case .avx2: ck_find_variant(CK_AVX2)
    case .avx512: ck_find_variant(CK_AVX512)
    }
  }

  /// Whether this processor has it.
  package var isAvailable: Bool { variant != nil }
}
