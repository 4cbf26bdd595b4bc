import CKernels
import TensorGraph

extension ConvolutionGeometry {
  /// Whether the weight gradient is computed as a matrix product over gathered positions: few of them
  /// make the dot products over positions short, and many channels share what is gathered.
  var gradientIsProduct: Bool {
    suitsPlanes && images * outputArea <= 1 << 8 && outputChannels >= 2 * Int(CK_PANEL)
      && inputChannels * kernelArea >= 32
  }
}

extension Lowering {
  mutating func lowerWeightGradient(
    _ id: NodeID, _ node: Node, _ geometry: ConvolutionGeometry
  ) {
    let layout = PlaneLayout(phasesOf: geometry)
    let stride = layout.planeStride(elementSize: node.dtype.byteCount)
    let channelStride = layout.phaseCount * stride
    let planes = planes(of: node.operands[0], layout)
    let positions = windowPositions(geometry, pitch: layout.columns, node.dtype)
    let cotangent = positionVectors(of: node.operands[1], positions, pitch: layout.columns)
    let k = geometry.inputChannels * geometry.kernelArea
    let lanes = Int(ck_vector_length(node.dtype.kernelType))
    let rowCost =
      (geometry.images * positions.vectorCount * lanes + 4 * lanes) * geometry.outputChannels
    let perTask = ceilingDivide(max(Self.contractionTaskCost / max(rowCost, 1), 1), by: 4) * 4
    let taskCount = ceilingDivide(k, by: perTask)
    let result = buffer(of: id)
    let parameters = ck_weight_gradient(
      type: node.dtype.kernelType, planes: planes.kernelIndex, cotangent: cotangent.kernelIndex,
      result: result.kernelIndex, images: Int64(geometry.images), groups: Int64(geometry.groups),
      channels: Int64(geometry.outputChannels), k: Int64(k),
      offsets: plan.parameters.store(
        geometry.windowOffsets(planeStride: stride, pitch: layout.columns)),
      image_stride: Int64(geometry.groups * geometry.inputChannels * channelStride),
      group_stride: Int64(geometry.inputChannels * channelStride), positions: positions.positions,
      k_per_task: Int64(perTask), tasks_per_group: Int64(taskCount))
    plan.add(
      PlannedStep(
        "\(node.op.name) \(node.shape)", CK_WEIGHT_GRADIENT_KERNEL,
        UnsafeRawPointer(plan.parameters.store(parameters)),
        taskCount: geometry.groups * taskCount, reads: [planes, cotangent], writes: [result]),
      isFixed: isFixed[id.index])
  }

  mutating func lowerWeightProduct(
    _ id: NodeID, _ node: Node, _ geometry: ConvolutionGeometry
  ) throws(GraphError) {
    let layout = PlaneLayout(phasesOf: geometry)
    let stride = layout.planeStride(elementSize: node.dtype.byteCount)
    let channelStride = layout.phaseCount * stride
    let (channels, area) = (geometry.outputChannels, geometry.outputArea)
    let planes = planes(of: node.operands[0], layout)
    let imageStride = geometry.groups * channels * area
    let panels = panels(
      of: node.operands[1],
      PanelLayout(
        groups: geometry.groups, rows: channels, groupStride: channels * area, rowStride: area,
        offsets: (0..<geometry.images).flatMap { image in
          (0..<area).map { image * imageStride + $0 }
        }))
    let positions = windowPositions(geometry, pitch: layout.columns, node.dtype)
    let k = geometry.inputChannels * geometry.kernelArea
    // The gathered matrix of a task stays in the second-level cache.
    let positionCount = geometry.images * area
    let perTask = min(max((1 << 15) / positionCount / 32, 1) * 32, 512)
    let tasksPerGroup = ceilingDivide(k, by: perTask)
    let taskCount = geometry.groups * tasksPerGroup
    let epilogue = try epilogue(of: id, taskCount: taskCount)
    let result = buffer(of: id)
    let parameters = ck_weight_product(
      type: node.dtype.kernelType, planes: planes.kernelIndex, panels: panels.kernelIndex,
      result: result.kernelIndex, images: Int64(geometry.images), groups: Int64(geometry.groups),
      channels: Int64(channels), k: Int64(k), image_positions: Int64(area),
      offsets: plan.parameters.store(
        geometry.windowOffsets(planeStride: stride, pitch: layout.columns)),
      image_stride: Int64(geometry.groups * geometry.inputChannels * channelStride),
      group_stride: Int64(geometry.inputChannels * channelStride), positions: positions.positions,
      first_segments: positions.firstSegments, segments: positions.segments,
      k_per_task: Int64(perTask), tasks_per_group: Int64(tasksPerGroup),
      epilogue: epilogue?.parameters, program_scratch: Int64(epilogue?.scratchByteCount ?? 0))
    let scratch = (Int(CK_PANEL) + positionCount) * perTask * node.dtype.byteCount
    plan.add(
      PlannedStep(
        "\(node.op.name) \(node.shape)" + (epilogue.map { " " + $0.name } ?? ""),
        CK_WEIGHT_PRODUCT,
        finish: epilogue?.hasSums == true ? CK_WEIGHT_PRODUCT_FINISH : nil,
        UnsafeRawPointer(plan.parameters.store(parameters)), taskCount: taskCount,
        reads: [planes, panels] + (epilogue?.reads ?? []), writes: epilogue?.writes ?? [result],
        inPlacePairs: epilogue?.inPlacePairs ?? [],
        scratchByteCount: scratch + (epilogue?.scratchByteCount ?? 0)),
      isFixed: isFixed[id.index])
  }
}
