import CKernels
import TensorGraph

/// An operand rearranged for the convolution kernels; equal ones are made once.
enum PackedOperand: Hashable {
  case planes(NodeID, PlaneLayout)
  case panels(NodeID, PanelLayout)
  case positionVectors(NodeID, pitch: Int)
  case blocks(NodeID, k: Int, n: Int, isTransposed: Bool)
}

/// Which element of a weight is row r, column k of a group's packed matrix.
struct PanelLayout: Hashable {
  let groups: Int
  let rows: Int
  let groupStride: Int
  let rowStride: Int
  let offsets: [Int]

  var panelCount: Int { ceilingDivide(rows, by: Int(CK_PANEL)) }

  /// Whether a row's elements follow one another.
  var isRun: Bool { zip(offsets, offsets.dropFirst()).allSatisfy { $1 == $0 + 1 } }
}

extension Lowering {
  /// The images of `id` [images, channels, height, width] as planes.
  mutating func planes(of id: NodeID, _ layout: PlaneLayout) -> BufferID {
    let memory = sources.memory(of: id)
    let key = PackedOperand.planes(id, layout)
    if let buffer = packed[key] { return buffer }
    let shape = graph[id].shape
    let dtype = graph[id].dtype
    let size = dtype.byteCount
    let imageCount = shape[0] * shape[1]
    let stride = layout.planeStride(elementSize: size)
    // Vectors of positions reach beyond the last plane by less than four rows and two vectors.
    let slack = 4 * layout.columns + 128 / size
    let source = buffer(of: id)
    let result = plan.addBuffer(
      byteCount: (imageCount * layout.phaseCount * stride + slack) * size)
    let perTask = max(1, (1 << 15) / max(layout.phaseCount * stride, 1))
    let parameters = ck_planes(
      type: dtype.kernelType, source: source.kernelIndex, result: result.kernelIndex,
      images: Int64(imageCount), height: Int64(shape[2]), width: Int64(shape[3]),
      phases: Int64(layout.phaseCount), row_step: Int64(layout.rowStep),
      column_step: Int64(layout.columnStep),
      row_origins: plan.parameters.store(layout.rowOrigins.map(Int64.init)),
      column_origins: plan.parameters.store(layout.columnOrigins.map(Int64.init)),
      rows: Int64(layout.rows), columns: Int64(layout.columns), plane_stride: Int64(stride),
      slack: Int64(slack), images_per_task: Int64(perTask))
    plan.add(
      PlannedStep(
        "planes \(shape)", CK_PLANES, UnsafeRawPointer(plan.parameters.store(parameters)),
        taskCount: ceilingDivide(imageCount, by: perTask), reads: [source], writes: [result]),
      isFixed: isFixed[memory.index])
    packed[key] = result
    return result
  }

  /// The weight `id` packed into panels.
  mutating func panels(of id: NodeID, _ layout: PanelLayout) -> BufferID {
    let memory = sources.memory(of: id)
    let key = PackedOperand.panels(id, layout)
    if let buffer = packed[key] { return buffer }
    let dtype = graph[id].dtype
    let panelCount = layout.groups * layout.panelCount
    // Long runs of a row are read faster than many short ones.
    let elementsPerTask = layout.isRun ? 1 << 17 : 1 << 15
    let perTask = max(elementsPerTask / max(layout.rows, 1) / 16, 1) * 16
    let source = buffer(of: id)
    let result = plan.addBuffer(
      byteCount: panelCount * layout.offsets.count * Int(CK_PANEL) * dtype.byteCount)
    let parameters = ck_panels(
      type: dtype.kernelType, source: source.kernelIndex, result: result.kernelIndex,
      groups: Int64(layout.groups), rows: Int64(layout.rows), k: Int64(layout.offsets.count),
      group_stride: Int64(layout.groupStride), row_stride: Int64(layout.rowStride),
      offsets: plan.parameters.store(layout.offsets.map(Int64.init)),
      k_per_task: Int64(perTask))
    plan.add(
      PlannedStep(
        "panels \(layout.rows)x\(layout.offsets.count)", CK_PANELS,
        UnsafeRawPointer(plan.parameters.store(parameters)),
        taskCount: layout.groups * ceilingDivide(layout.offsets.count, by: perTask),
        reads: [source], writes: [result]),
      isFixed: isFixed[memory.index])
    packed[key] = result
    return result
  }

  /// The cotangent `id` [images, channels, height, width] as vectors of positions over planes of the
  /// given pitch; the cotangent itself where that is how it lies in memory.
  mutating func positionVectors(
    of id: NodeID, _ positions: KernelPositions, pitch: Int
  ) -> BufferID {
    if positions.isDense { return buffer(of: id) }
    let memory = sources.memory(of: id)
    let key = PackedOperand.positionVectors(id, pitch: pitch)
    if let buffer = packed[key] { return buffer }
    let shape = graph[id].shape
    let dtype = graph[id].dtype
    let matrices = shape[0] * shape[1]
    let source = buffer(of: id)
    let result = plan.addBuffer(byteCount: matrices * positions.vectorCount * 64)
    let parameters = ck_position_vectors(
      type: dtype.kernelType, source: source.kernelIndex, result: result.kernelIndex,
      matrices: Int64(matrices), positions: Int64(shape[2] * shape[3]),
      vectors: Int64(positions.vectorCount), first_segments: positions.firstSegments,
      segments: positions.segments)
    plan.add(
      PlannedStep(
        "position vectors \(shape)", CK_POSITION_VECTORS,
        UnsafeRawPointer(plan.parameters.store(parameters)), taskCount: matrices,
        reads: [source], writes: [result]),
      isFixed: isFixed[memory.index])
    packed[key] = result
    return result
  }
}
