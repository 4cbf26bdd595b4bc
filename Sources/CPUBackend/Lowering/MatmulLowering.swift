import CKernels
import TensorGraph

extension Lowering {
  /// Multiply-adds that make a task of a few microseconds.
  static let contractionTaskCost = 1 << 17

  mutating func lowerMatmul(_ id: NodeID, _ node: Node, _ transposeA: Bool, _ transposeB: Bool) {
    let rank = node.shape.rank
    let (m, n) = (node.shape[rank - 2], node.shape[rank - 1])
    let k = graph[node.operands[0]].shape[transposeA ? rank - 2 : rank - 1]
    let batch = node.shape.dimensions.dropLast(2).reduce(1, *)
    var (left, right) = (buffer(of: node.operands[0]), buffer(of: node.operands[1]))
    if n == 1 {
      lowerMatvec(
        id, node, matrix: left, vector: right, batch: batch, rows: transposeA ? k : m,
        columns: transposeA ? m : k, isTransposed: transposeA)
      return
    }
    if m == 1 {
      lowerMatvec(
        id, node, matrix: right, vector: left, batch: batch, rows: transposeB ? n : k,
        columns: transposeB ? k : n, isTransposed: !transposeB)
      return
    }
    // Each task packs what it needs of both operands: split the result where that repeats less.
    let wanted = max(1, min(16, m * n * max(k, 1) / Self.contractionTaskCost))
    var (rowsPerTask, columnsPerTask) = (m, n)
    if n >= m {
      columnsPerTask = ceilingDivide(ceilingDivide(n, by: wanted), by: 32) * 32
    } else {
      rowsPerTask = ceilingDivide(ceilingDivide(m, by: wanted), by: Int(CK_PANEL)) * Int(CK_PANEL)
    }
    let result = buffer(of: id)
    let sharesLeft =
      !transposeA && ceilingDivide(n, by: columnsPerTask) > 2 && m > Int(CK_PANEL)
    if sharesLeft {
      left = panels(
        of: node.operands[0],
        PanelLayout(
          groups: batch, rows: m, groupStride: m * k, rowStride: k, offsets: Array(0..<k)))
    }
    // Packed once: what outlives the run, and what several row tasks would each pack.
    let isShared = isFixed[node.operands[1].index] || ceilingDivide(m, by: rowsPerTask) > 2
    let packsRight = isShared && !isFixed[id.index] && m > Int(CK_PANEL)
    if packsRight {
      right = blocks(of: node.operands[1], batch: batch, k: k, n: n, isTransposed: transposeB)
    }
    let parameters = ck_matmul(
      type: node.dtype.kernelType, left: left.kernelIndex, right: right.kernelIndex,
      result: result.kernelIndex, left_packed: sharesLeft, right_packed: packsRight,
      batch: Int64(batch), m: Int64(m), n: Int64(n), k: Int64(k),
      left_row: Int64(transposeA ? 1 : k), left_column: Int64(transposeA ? m : 1),
      right_row: Int64(transposeB ? 1 : n), right_column: Int64(transposeB ? k : 1),
      rows_per_task: Int64(rowsPerTask), columns_per_task: Int64(columnsPerTask))
    plan.add(
      PlannedStep(
        "matmul \(m)x\(k)x\(n)", CK_MATMUL,
        UnsafeRawPointer(plan.parameters.store(parameters)),
        taskCount: batch * ceilingDivide(m, by: rowsPerTask) * ceilingDivide(n, by: columnsPerTask),
        reads: [left, right], writes: [result], scratchByteCount: Int(ck_contraction_scratch())),
      isFixed: isFixed[id.index])
  }

  /// A right operand [k, n] (or [n, k] when transposed) as the blocks that products read.
  private mutating func blocks(
    of id: NodeID, batch: Int, k: Int, n: Int, isTransposed: Bool
  ) -> BufferID {
    let memory = sources.memory(of: id)
    let key = PackedOperand.blocks(memory, k: k, n: n, isTransposed: isTransposed)
    if let buffer = packed[key] { return buffer }
    let dtype = graph[id].dtype
    let source = buffer(of: id)
    let elements = Int(ck_block_elements(dtype.kernelType, Int64(k), Int64(n)))
    let result = plan.addBuffer(byteCount: batch * elements * dtype.byteCount)
    let parameters = ck_blocks(
      type: dtype.kernelType, source: source.kernelIndex, result: result.kernelIndex,
      batch: Int64(batch), k: Int64(k), n: Int64(n), row_stride: Int64(isTransposed ? 1 : n),
      column_stride: Int64(isTransposed ? k : 1))
    plan.add(
      PlannedStep(
        "blocks \(k)x\(n)", CK_BLOCKS, UnsafeRawPointer(plan.parameters.store(parameters)),
        taskCount: batch * Int(ck_block_tasks(Int64(k))), reads: [source], writes: [result]),
      isFixed: isFixed[memory.index])
    packed[key] = result
    return result
  }

  private mutating func lowerMatvec(
    _ id: NodeID, _ node: Node, matrix: BufferID, vector: BufferID, batch: Int, rows: Int,
    columns: Int, isTransposed: Bool
  ) {
    let results = isTransposed ? columns : rows
    let summed = isTransposed ? rows : columns
    // Memory bounds these: fewer elements than of a product make a task.
    let perTask = max(ceilingDivide((1 << 15) / max(summed, 1), by: 128) * 128, 128)
    let result = buffer(of: id)
    let parameters = ck_matvec(
      type: node.dtype.kernelType, transposed: isTransposed, matrix: matrix.kernelIndex,
      vector: vector.kernelIndex, result: result.kernelIndex, batch: Int64(batch),
      rows: Int64(rows), columns: Int64(columns), results_per_task: Int64(perTask))
    plan.add(
      PlannedStep(
        "matvec \(rows)x\(columns)\(isTransposed ? " transposed" : "")", CK_MATVEC,
        UnsafeRawPointer(plan.parameters.store(parameters)),
        taskCount: batch * ceilingDivide(results, by: perTask), reads: [matrix, vector],
        writes: [result]),
      isFixed: isFixed[id.index])
  }
}
