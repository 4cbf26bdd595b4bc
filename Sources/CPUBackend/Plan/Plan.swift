import CKernels
import TensorGraph

/// A piece of memory of a plan: its index in the table of buffers that the kernels read.
struct BufferID: Hashable {
  let index: Int

  /// As the kernels' parameters name it.
  var kernelIndex: Int32 { Int32(index) }
}

/// Where a buffer's memory comes from.
enum BufferPlace: Hashable {
  /// The caller's buffer bound to an input.
  case input(Int)
  /// The caller's buffer bound to an output.
  case output(Int)
  /// The executable's own memory.
  case arena
}

struct PlannedBuffer {
  let byteCount: Int
  let place: BufferPlace
}

/// One kernel call.
struct PlannedStep {
  /// For people: the operators it computes.
  let name: String
  let kernel: ck_kernel
  let finish: ck_kernel?
  let parameters: UnsafeRawPointer
  let taskCount: Int
  let reads: [BufferID]
  let writes: [BufferID]
  /// Reads that may share memory with a write: (write, read).
  let inPlacePairs: [(write: BufferID, read: BufferID)]
  /// Scratch bytes of one thread.
  let scratchByteCount: Int

  init(
    _ name: String, _ kernel: ck_kernel, finish: ck_kernel? = nil, _ parameters: UnsafeRawPointer,
    taskCount: Int, reads: [BufferID], writes: [BufferID],
    inPlacePairs: [(write: BufferID, read: BufferID)] = [], scratchByteCount: Int = 0
  ) {
    self.name = name
    self.kernel = kernel
    self.finish = finish
    self.parameters = parameters
    self.taskCount = taskCount
    self.reads = reads
    self.writes = writes
    self.inPlacePairs = inPlacePairs
    self.scratchByteCount = scratchByteCount
  }
}

/// The whole of a compiled graph, before memory is laid out.
struct Plan {
  /// Steps that depend on fixed inputs alone; they run once after such an input is bound.
  var prologue: [PlannedStep] = []
  var main: [PlannedStep] = []
  var buffers: [PlannedBuffer] = []
  let parameters = ParameterStore()

  mutating func addBuffer(byteCount: Int, place: BufferPlace = .arena) -> BufferID {
    buffers.append(PlannedBuffer(byteCount: byteCount, place: place))
    return BufferID(index: buffers.count - 1)
  }

  mutating func add(_ step: PlannedStep, isFixed: Bool) {
    if step.taskCount == 0 { return }
    if isFixed { prologue.append(step) } else { main.append(step) }
  }
}
