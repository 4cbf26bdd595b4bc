import CKernels
import TensorGraph

extension Lowering {
  mutating func lowerStructural(
    _ id: NodeID, _ node: Node, _ op: StructuralOp
  ) throws(GraphError) {
    let operands = node.operands.map { graph[$0].shape }
    let resultStrides = node.shape.strides
    let elementSize = node.dtype.byteCount
    guard node.shape.rank <= Int(CK_MAXIMUM_RANK) else {
      throw GraphError(
        "\(node.op.name): the CPU backend takes at most \(CK_MAXIMUM_RANK) axes, not "
          + "\(node.shape.rank)", .unsupported)
    }
    let name = "\(node.op.name) \(node.shape)"
    let result = buffer(of: id)
    let source = buffer(of: node.operands[0])
    switch op {
    case .transpose(let permutation):
      addCopy(
        name, from: source, to: result, elementSize: elementSize,
        extents: node.shape.dimensions, sourceStrides: permutation.map { operands[0].strides[$0] },
        resultStrides: resultStrides, isFixed: isFixed[id.index])
    case .slice(let starts, _, let steps):
      let strides = operands[0].strides
      addCopy(
        name, from: source, to: result, elementSize: elementSize,
        extents: node.shape.dimensions, sourceStrides: zip(strides, steps).map { $0 * $1 },
        resultStrides: resultStrides,
        sourceOffset: zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 },
        isFixed: isFixed[id.index])
    case .pad(let low, _, let interior):
      lowerPad(name, id, node, from: source, to: result, low: low, interior: interior)
    case .concatenate(let axis):
      var offset = 0
      for (operand, shape) in zip(node.operands, operands) {
        let part = buffer(of: operand)
        addCopy(
          name, from: part, to: result, elementSize: elementSize, extents: shape.dimensions,
          sourceStrides: shape.strides, resultStrides: resultStrides,
          resultOffset: offset * resultStrides[axis], isFixed: isFixed[id.index])
        offset += shape[axis]
      }
    case .broadcast, .reshape:
      preconditionFailure("\(node.op.name) is not a unit of its own")
    }
  }

  /// Copies the operand's elements that stay in the result; the rest is zero.
  private mutating func lowerPad(
    _ name: String, _ id: NodeID, _ node: Node, from source: BufferID, to result: BufferID,
    low: [Int], interior: [Int]
  ) {
    let operand = graph[node.operands[0]].shape
    var extents: [Int] = []
    var (sourceOffset, resultOffset) = (0, 0)
    let (sourceStrides, resultStrides) = (operand.strides, node.shape.strides)
    for axis in 0..<operand.rank {
      let step = interior[axis] + 1
      // Elements i with 0 <= low + i * step < extent.
      let first = low[axis] >= 0 ? 0 : min(ceilingDivide(-low[axis], by: step), operand[axis])
      let end = min(
        max(ceilingDivide(node.shape[axis] - low[axis], by: step), first), operand[axis])
      extents.append(max(end - first, 0))
      if extents[axis] == 0 { continue }
      sourceOffset += first * sourceStrides[axis]
      resultOffset += (low[axis] + first * step) * resultStrides[axis]
    }
    addCopy(
      name, from: source, to: result, elementSize: node.dtype.byteCount, extents: extents,
      sourceStrides: sourceStrides,
      resultStrides: zip(resultStrides, interior).map { $0 * ($1 + 1) },
      sourceOffset: sourceOffset, resultOffset: resultOffset, isFixed: isFixed[id.index],
      filling: node.type.byteCount)
  }

  /// Adds a strided copy; with `filling`, of as many zeros before.
  mutating func addCopy(
    _ name: String, from source: BufferID, to result: BufferID, elementSize: Int, extents: [Int],
    sourceStrides: [Int], resultStrides: [Int], sourceOffset: Int = 0, resultOffset: Int = 0,
    isFixed: Bool, filling fillByteCount: Int = 0
  ) {
    let count = extents.reduce(1, *)
    if count == 0, fillByteCount == 0 { return }
    let axes = mergedAxes(extents, sourceStrides, resultStrides)
    var copy = ck_copy()
    copy.source = source.kernelIndex
    copy.result = result.kernelIndex
    copy.element_size = Int32(elementSize)
    copy.rank = Int32(axes.count)
    copy.source_offset = Int64(sourceOffset)
    copy.result_offset = Int64(resultOffset)
    copy.fill_bytes = Int64(fillByteCount)
    withUnsafeMutableBytes(of: &copy.extents) { $0.store(axes.map { Int64($0.extent) }) }
    withUnsafeMutableBytes(of: &copy.source_strides) { $0.store(axes.map { Int64($0.source) }) }
    withUnsafeMutableBytes(of: &copy.result_strides) { $0.store(axes.map { Int64($0.result) }) }
    let rowsPerTask =
      fillByteCount > 0 ? axes[0].extent : max((1 << 15) / max(count / axes[0].extent, 1), 1)
    copy.rows_per_task = Int64(max(rowsPerTask, 1))
    let taskCount = max(ceilingDivide(axes[0].extent, by: max(rowsPerTask, 1)), 1)
    plan.add(
      PlannedStep(
        name, CK_COPY, UnsafeRawPointer(plan.parameters.store(copy)), taskCount: taskCount,
        reads: [source], writes: [result]),
      isFixed: isFixed)
  }

  private typealias CopyAxis = (extent: Int, source: Int, result: Int)

  /// The axes without those of extent 1, neighbours merged where both sides allow; at least one.
  private func mergedAxes(
    _ extents: [Int], _ sourceStrides: [Int], _ resultStrides: [Int]
  ) -> [CopyAxis] {
    var axes: [CopyAxis] = []
    for (index, extent) in extents.enumerated() where extent != 1 {
      let axis = (extent: extent, source: sourceStrides[index], result: resultStrides[index])
      if let last = axes.last, last.source == axis.source * extent,
        last.result == axis.result * extent, extent > 0
      {
        axes[axes.count - 1] = (last.extent * extent, axis.source, axis.result)
      } else {
        axes.append(axis)
      }
    }
    if axes.contains(where: { $0.extent == 0 }) { return [(0, 0, 0)] }
    return axes.isEmpty ? [(1, 1, 1)] : axes
  }
}
