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

  /// Elements that the program processes at a time.
  let block: Int

  /// Elements times instructions that make a task of a few microseconds.
  private static let taskCost = 1 << 16

  init(_ unit: Unit, cost: Int, block: Int) {
    self.block = block
    // Whole blocks.
    let perTask = max(Self.taskCost / max(cost, 1), block) / block * block
    guard let shape = unit.reductionShape else {
      outer = unit.elementCount
      outerPerTask = perTask
      taskCount = ceilingDivide(outer, by: perTask)
      return
    }
    outer = shape.outer
    reduced = shape.reduced
    inner = shape.inner
    let group = reduced * inner
    if group <= block {
      let groupsPerBlock = block / group
      outerPerTask = max(perTask / group / groupsPerBlock, 1) * groupsPerBlock
      taskCount = ceilingDivide(outer, by: outerPerTask)
      return
    }
    outerPerTask = 1
    let width = min(inner, block)
    let segments = ceilingDivide(inner, by: block)
    let rowsPerBlock = block / width
    let rowsPerTask = max(perTask / width / rowsPerBlock, 1) * rowsPerBlock
    // Splitting the reduced axis costs a second pass over the partial results.
    chunkRows = outer * segments >= 8 ? reduced : min(rowsPerTask, reduced)
    chunks = ceilingDivide(reduced, by: chunkRows)
    taskCount = outer * chunks * segments
  }
}

extension ReductionShape {
  /// Whether the evaluator's blocks, cut along the reduced groups, are aligned to multiples of `block`
  /// elements.
  func fitsBlocks(of block: Int) -> Bool {
    let group = reduced * inner
    if group <= block { return block % group == 0 }
    if inner <= block { return block % inner == 0 && group % block == 0 }
    return inner % block == 0
  }
}
