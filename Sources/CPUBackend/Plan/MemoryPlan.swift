import TensorGraph

/// Offsets of all intermediate values in one arena, such that values that are needed at the same time
/// do not overlap.
struct MemoryPlan {
  /// Byte offset of each buffer of the arena; 0 for the others.
  private(set) var offsets: [Int]
  private(set) var arenaByteCount = 0

  private var free: [Range<Int>] = []

  /// - Throws: ``GraphError`` when the sizes overflow.
  init(_ plan: Plan) throws(GraphError) {
    offsets = [Int](repeating: 0, count: plan.buffers.count)
    let steps = plan.prologue + plan.main
    var lastUse = [Int](repeating: -1, count: plan.buffers.count)
    for (index, step) in steps.enumerated() {
      for buffer in step.reads + step.writes { lastUse[buffer.index] = index }
    }
    // What the prologue leaves for the main steps stays for all runs.
    for step in plan.prologue {
      for buffer in step.writes where lastUse[buffer.index] >= plan.prologue.count {
        lastUse[buffer.index] = steps.count
      }
    }
    var isPlaced = [Bool](repeating: false, count: plan.buffers.count)
    for (index, step) in steps.enumerated() {
      var released: Set<BufferID> = []
      for write in step.writes where isOwn(write, plan) && !isPlaced[write.index] {
        isPlaced[write.index] = true
        let size = try Self.roundedUp(plan.buffers[write.index].byteCount)
        if let read = step.inPlacePairs.first(where: { pair in
          pair.write == write && isOwn(pair.read, plan) && lastUse[pair.read.index] == index
            && !released.contains(pair.read)
            && plan.buffers[pair.read.index].byteCount == plan.buffers[write.index].byteCount
        })?.read {
          offsets[write.index] = offsets[read.index]
          released.insert(read)
        } else {
          offsets[write.index] = try allocate(size)
        }
      }
      for buffer in Set(step.reads + step.writes).sorted(by: { $0.index < $1.index })
      where lastUse[buffer.index] == index && isPlaced[buffer.index] && !released.contains(buffer) {
        let size = try Self.roundedUp(plan.buffers[buffer.index].byteCount)
        release(offsets[buffer.index]..<offsets[buffer.index] + size)
      }
    }
  }

  private func isOwn(_ buffer: BufferID, _ plan: Plan) -> Bool {
    plan.buffers[buffer.index].place == .arena
  }

  /// Whole cache lines, at least one.
  static func roundedUp(_ byteCount: Int) throws(GraphError) -> Int {
    guard byteCount <= 1 << 46 else {
      throw GraphError(
        "a value of \(byteCount) bytes is more than there can be memory for",
        .unsupported)
    }
    return max((byteCount + 63) & ~63, 64)
  }

  /// The smallest free range that fits, else new memory at the end.
  private mutating func allocate(_ size: Int) throws(GraphError) -> Int {
    let fitting = free.indices.filter { free[$0].count >= size }
    if let best = fitting.min(by: { free[$0].count < free[$1].count }) {
      let range = free[best]
      if range.count == size {
        free.remove(at: best)
      } else {
        free[best] = range.lowerBound + size..<range.upperBound
      }
      return range.lowerBound
    }
    // A free range at the end grows.
    var start = arenaByteCount
    if let last = free.last, last.upperBound == arenaByteCount {
      start = last.lowerBound
      free.removeLast()
    }
    let (end, overflow) = start.addingReportingOverflow(size)
    guard !overflow, end <= 1 << 46 else {
      throw GraphError(
        "the graph's intermediate values are more than there can be memory for",
        .unsupported)
    }
    arenaByteCount = end
    return start
  }

  /// Returns a range, merged with its free neighbours; ranges stay in ascending order.
  private mutating func release(_ range: Range<Int>) {
    let position = free.firstIndex { $0.lowerBound > range.lowerBound } ?? free.count
    free.insert(range, at: position)
    if position + 1 < free.count, free[position].upperBound == free[position + 1].lowerBound {
      free[position] = free[position].lowerBound..<free[position + 1].upperBound
      free.remove(at: position + 1)
    }
    if position > 0, free[position - 1].upperBound == free[position].lowerBound {
      free[position - 1] = free[position - 1].lowerBound..<free[position].upperBound
      free.remove(at: position)
    }
  }
}
