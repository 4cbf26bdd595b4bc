import CKernels
import TensorGraph

/// How the work of a fused step is cut into tasks: by the program and its size alone, so that results
/// do not depend on the number of threads.
struct FusedWork {
  private(set) var outer: Int
  private(set) var reduced = 1
  private(set) var inner = 1
  private(set) var chunks = 1
  private(set) var chunkRows = 1
  private(set) var outerPerTask: Int
  private(set) var taskCount: Int

  private static let block = Int(CK_BLOCK)
  /// Elements times instructions that make a task of a few microseconds.
  private static let taskCost = 1 << 16

  init(_ unit: Unit, cost: Int) {
    // Whole blocks.
    let perTask = max(Self.taskCost / max(cost, 1), Self.block) / Self.block * Self.block
    guard let shape = unit.reductionShape else {
      outer = unit.elementCount
      outerPerTask = perTask
      taskCount = pieces(outer, of: perTask)
      return
    }
    outer = shape.outer
    reduced = shape.reduced
    inner = shape.inner
    let group = reduced * inner
    if group <= Self.block {
      let groupsPerBlock = Self.block / group
      outerPerTask = max(perTask / group / groupsPerBlock, 1) * groupsPerBlock
      taskCount = pieces(outer, of: outerPerTask)
      return
    }
    outerPerTask = 1
    let width = min(inner, Self.block)
    let segments = pieces(inner, of: Self.block)
    let rowsPerBlock = Self.block / width
    let rowsPerTask = max(perTask / width / rowsPerBlock, 1) * rowsPerBlock
    // Splitting the reduced axis costs a second pass over the partial results.
    chunkRows = outer * segments >= 8 ? reduced : min(rowsPerTask, reduced)
    chunks = pieces(reduced, of: chunkRows)
    taskCount = outer * chunks * segments
  }
}
