import CKernels
import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A graph planned for this processor. Owns the memory of all intermediate values and the threads that
/// share the work.
public final class CPUExecutable: Executable {
  /// How long a step takes: the shortest time so far, which other programs disturb the least.
  public struct StepTime: Sendable {
    /// The operators that the step computes.
    public let name: String
    /// The shortest time of one run.
    public let seconds: Double
    /// Whether the step depends on fixed inputs alone, and so runs only after they are bound.
    public let isPrologue: Bool
  }

  /// What was compiled.
  public let graph: Graph
  /// Bytes that intermediate values take.
  public let workspaceByteCount: Int

  private let parameters: ParameterStore
  private let stepNames: [String]
  private let prologueCount: Int64
  private let stepCount: Int64
  private let steps: UnsafeMutablePointer<ck_step>
  private let addresses: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let workspace: UnsafeMutableRawPointer
  private let executor: OpaquePointer
  private let seconds: UnsafeMutablePointer<Double>?

  /// For each input and output the entries of `addresses` that hold its address.
  private let inputEntries: [Int]
  private let outputEntries: [Int]
  private var inputs: [HostBuffer?]
  private var outputs: [HostBuffer?]
  private var unboundCount: Int
  private var prologueIsStale = true

  init(
    graph: Graph, plan: Plan, _ variant: OpaquePointer, options: CPUBackend.Options
  ) throws(GraphError) {
    let memory = try MemoryPlan(plan)
    let planned = plan.prologue + plan.main
    let threadCount = options.resolvedThreadCount
    let scratchStride = try MemoryPlan.roundedUp(planned.map(\.scratchByteCount).max() ?? 0)
    let byteCount = memory.arenaByteCount + scratchStride * threadCount
    var allocation: UnsafeMutableRawPointer?
    guard posix_memalign(&allocation, 64, max(byteCount, 64)) == 0, let allocation else {
      throw GraphError(
        "out of memory: the graph needs \(byteCount) bytes for intermediate values",
        .unsupported)
    }
    if options.poisonsWorkspace { memset(allocation, 0xFF, byteCount) }
    self.graph = graph
    workspace = allocation
    workspaceByteCount = byteCount
    parameters = plan.parameters
    stepNames = planned.map(\.name)
    prologueCount = Int64(plan.prologue.count)
    stepCount = Int64(planned.count)

    addresses = .allocate(capacity: max(plan.buffers.count, 1))
    addresses.initialize(repeating: nil, count: max(plan.buffers.count, 1))
    var inputEntries = [Int](repeating: -1, count: graph.inputs.count)
    var outputEntries = [Int](repeating: -1, count: graph.outputs.count)
    for (index, buffer) in plan.buffers.enumerated() {
      switch buffer.place {
      case .input(let input): inputEntries[input] = index
      case .output(let output): outputEntries[output] = index
      case .arena:
        addresses[index] = (workspace + memory.offsets[index]).assumingMemoryBound(to: CChar.self)
      }
    }
    self.inputEntries = inputEntries
    self.outputEntries = outputEntries
    inputs = [HostBuffer?](repeating: nil, count: graph.inputs.count)
    outputs = [HostBuffer?](repeating: nil, count: graph.outputs.count)
    unboundCount = graph.inputs.count + graph.outputs.count

    steps = .allocate(capacity: max(planned.count, 1))
    for (index, step) in planned.enumerated() {
      (steps + index).initialize(
        to: ck_step(
          task: ck_kernel_task(variant, step.kernel),
          finish: step.finish.flatMap { ck_kernel_task(variant, $0) },
          parameters: step.parameters, task_count: Int64(step.taskCount)))
    }
    if options.recordsStepTimes {
      seconds = .allocate(capacity: max(planned.count, 1))
      seconds?.initialize(repeating: .infinity, count: max(planned.count, 1))
    } else {
      seconds = nil
    }
    let scratch = (workspace + memory.arenaByteCount).assumingMemoryBound(to: CChar.self)
    guard
      let executor = ck_executor_create(
        steps, stepCount, addresses, scratch, Int64(scratchStride), Int32(threadCount))
    else {
      steps.deallocate()
      addresses.deallocate()
      seconds?.deallocate()
      free(workspace)
      throw GraphError("out of memory for the executor of a graph", .unsupported)
    }
    self.executor = executor
  }

  deinit {
    ck_executor_destroy(executor)
    steps.deallocate()
    addresses.deallocate()
    seconds?.deallocate()
    free(workspace)
  }

  /// Binds an input; a fixed one is packed and prepared in the first run after it.
  public func bind(input: Int, to buffer: HostBuffer) {
    let expected = graph.inputs[input]
    precondition(
      buffer.type == expected.type,
      "input \(input) (\(expected.name)) is \(expected.type), not \(buffer.type)")
    if inputs[input] == nil { unboundCount -= 1 }
    inputs[input] = buffer
    point(inputEntries[input], to: buffer)
    if expected.role == .fixed { prologueIsStale = true }
  }

  /// Binds an output to memory that is no input's.
  public func bind(output: Int, to buffer: HostBuffer) {
    let expected = graph[graph.outputs[output]].type
    precondition(buffer.type == expected, "output \(output) is \(expected), not \(buffer.type)")
    if outputs[output] == nil { unboundCount -= 1 }
    outputs[output] = buffer
    point(outputEntries[output], to: buffer)
  }

  private func point(_ entry: Int, to buffer: HostBuffer) {
    // An input that no step reads has no entry.
    if entry >= 0 { addresses[entry] = buffer.address.assumingMemoryBound(to: CChar.self) }
  }

  /// Computes all outputs without allocating. Traps when an input or output is unbound.
  public func run() {
    if unboundCount > 0 { reportUnbound() }
    if prologueIsStale {
      ck_executor_run(executor, 0, prologueCount, seconds)
      prologueIsStale = false
    }
    ck_executor_run(executor, prologueCount, stepCount, seconds)
  }

  private func reportUnbound() -> Never {
    let unboundInputs = inputs.indices.filter { inputs[$0] == nil }.map { graph.inputs[$0].name }
    let unboundOutputs = outputs.indices.filter { outputs[$0] == nil }
    preconditionFailure("unbound inputs \(unboundInputs), outputs \(unboundOutputs)")
  }

  /// The time of every step, in order of execution; infinite before the first run; empty unless
  /// ``CPUBackend/Options/recordsStepTimes`` is set.
  public var stepTimes: [StepTime] {
    guard let seconds else { return [] }
    return stepNames.enumerated().map { index, name in
      StepTime(name: name, seconds: seconds[index], isPrologue: index < prologueCount)
    }
  }
}
