import CKernels
import TensorGraph

// In a canonical graph the operands of a convolution are one or more pairs; the result is the sum.

extension Lowering {
  mutating func lowerConvolutions(_ id: NodeID, _ node: Node) throws(GraphError) {
    guard let geometry = graph.convolutionGeometry(of: node) else {
      preconditionFailure("\(node.op.name) is no convolution")
    }
    guard geometry.suitsPlanes else {
      lowerPlainConvolution(id, node, geometry)
      return
    }
    switch geometry.direction {
    case .forward: lowerConvolution(id, node, geometry)
    case .inputGradient: lowerInputGradient(id, node, geometry)
    case .weightGradient:
      if geometry.gradientIsProduct {
        try lowerWeightProduct(id, node, geometry)
      } else {
        lowerWeightGradient(id, node, geometry)
      }
    }
  }

  private mutating func lowerConvolution(
    _ id: NodeID, _ node: Node, _ geometry: ConvolutionGeometry
  ) {
    let layout = PlaneLayout(phasesOf: geometry)
    let stride = layout.planeStride(elementSize: node.dtype.byteCount)
    let k = geometry.inputChannels * geometry.kernelArea
    let panelLayout = PanelLayout(
      groups: geometry.groups, rows: geometry.outputChannels,
      groupStride: geometry.outputChannels * k, rowStride: k, offsets: Array(0..<k))
    let offsets = plan.parameters.store(
      geometry.windowOffsets(planeStride: stride, pitch: layout.columns))
    let channelStride = layout.phaseCount * stride
    var terms: [ck_term] = []
    var reads: [BufferID] = []
    for pair in Swift.stride(from: 0, to: node.operands.count, by: 2) {
      let planes = planes(of: node.operands[pair], layout)
      let panels = panels(of: node.operands[pair + 1], panelLayout)
      reads += [planes, panels]
      terms.append(
        ck_term(
          planes: planes.kernelIndex, panels: panels.kernelIndex, k: Int64(k), offsets: offsets,
          image_stride: Int64(geometry.groups * geometry.inputChannels * channelStride),
          group_stride: Int64(geometry.inputChannels * channelStride)))
    }
    var part = ConvolutionPart(
      rows: geometry.outputChannels, classCount: 1, terms: terms,
      positions: windowPositions(geometry, pitch: layout.columns, node.dtype))
    part.place(
      origin: 0, channel: geometry.outputArea, group: geometry.outputChannels * geometry.outputArea,
      groups: geometry.groups)
    addConvolution(id, node, geometry, [part], reads: reads)
  }

  /// The positions of a convolution's windows, with their places in a plane of the output.
  func windowPositions(
    _ geometry: ConvolutionGeometry, pitch: Int, _ dtype: DType
  ) -> KernelPositions {
    let lanes = Int(ck_vector_length(dtype.kernelType))
    let layout = PositionLayout(
      rows: geometry.height.output, columns: geometry.width.output, pitch: pitch, lanes: lanes)
    return KernelPositions(
      layout, plan.parameters, elementCount: geometry.outputArea, lanes: lanes
    ) { (offset: $0.row * geometry.width.output + $0.column, width: $0.count) }
  }

  private mutating func lowerInputGradient(
    _ id: NodeID, _ node: Node, _ geometry: ConvolutionGeometry
  ) {
    var parts: [ConvolutionPart] = []
    var reads: [BufferID] = []
    for rowClass in geometry.height.inputClasses {
      // Column classes interleave in the result; too many of them are stored one by one.
      let classes = geometry.width.inputClasses.sorted { $0.first < $1.first }
      let groups =
        classes.count <= Int(CK_MAXIMUM_CLASSES) ? [classes] : classes.map { [$0] }
      for group in groups {
        parts.append(inputGradientPart(node, geometry, rowClass, group, &reads))
      }
    }
    addConvolution(id, node, geometry, parts, reads: reads)
  }

  /// The part of an input gradient at the rows of one class and the columns of some classes.
  private mutating func inputGradientPart(
    _ node: Node, _ geometry: ConvolutionGeometry, _ rowClass: ConvolutionAxis.InputClass,
    _ columnClasses: [ConvolutionAxis.InputClass], _ reads: inout [BufferID]
  ) -> ConvolutionPart {
    let (rows, columns) = (geometry.height, geometry.width)
    let layout = PlaneLayout(cotangentOf: geometry)
    let stride = layout.planeStride(elementSize: node.dtype.byteCount)
    var terms: [ck_term] = []
    for columnClass in columnClasses {
      let (planeOffsets, panelLayout) = geometry.inputGradientMatrix(
        rowClass, columnClass, layout, planeStride: stride)
      let offsets = plan.parameters.store(planeOffsets)
      for pair in Swift.stride(from: 0, to: node.operands.count, by: 2) {
        let planes = planes(of: node.operands[pair], layout)
        let panels = panels(of: node.operands[pair + 1], panelLayout)
        reads += [planes, panels]
        terms.append(
          ck_term(
            planes: planes.kernelIndex, panels: panels.kernelIndex, k: Int64(planeOffsets.count),
            offsets: offsets,
            image_stride: Int64(geometry.groups * geometry.outputChannels * stride),
            group_stride: Int64(geometry.outputChannels * stride)))
      }
    }
    let lanes = Int(ck_vector_length(node.dtype.kernelType))
    let isInterleaved = columnClasses.count > 1
    let positionColumns = columnClasses.map(\.count).max() ?? 1
    // Classes on their own keep one position to a segment, as their columns are apart.
    let isScattered = !isInterleaved && columns.stride > 1
    let positions = KernelPositions(
      PositionLayout(
        rows: rowClass.count, columns: positionColumns, pitch: layout.columns, lanes: lanes),
      plan.parameters, elementCount: geometry.inputArea, lanes: lanes, isScattered: isScattered
    ) { run in
      let column = run.column * columns.stride + (isInterleaved ? 0 : columnClasses[0].first)
      let row = rowClass.first + run.row * rows.stride
      let width =
        isInterleaved
        ? min(run.count * columns.stride, columns.input - column) : run.count
      return (offset: row * columns.input + column, width: width)
    }
    var part = ConvolutionPart(
      rows: geometry.inputChannels, classCount: columnClasses.count, terms: terms,
      positions: positions)
    part.place(
      origin: 0, channel: geometry.inputArea, group: geometry.inputChannels * geometry.inputArea,
      groups: geometry.groups)
    return part
  }

  /// Adds one step for the parts of a convolution, cut into tasks.
  private mutating func addConvolution(
    _ id: NodeID, _ node: Node, _ geometry: ConvolutionGeometry, _ parts: [ConvolutionPart],
    reads: [BufferID]
  ) {
    let type = node.dtype.kernelType
    let result = buffer(of: id)
    var firstTask: [Int64] = [0]
    let kernelParts = parts.map { part in
      let (kernelPart, taskCount) = part.kernelPart(
        result: result, geometry, plan.parameters, taskCost: Self.contractionTaskCost,
        lanes: Int(ck_vector_length(type)))
      firstTask.append((firstTask.last ?? 0) + Int64(taskCount))
      return kernelPart
    }
    let parameters = ck_convolutions(
      type: type, count: Int32(parts.count), parts: plan.parameters.store(kernelParts),
      first_task: plan.parameters.store(firstTask))
    let sum = node.operands.count > 2 ? " x\(node.operands.count / 2)" : ""
    plan.add(
      PlannedStep(
        "\(node.op.name) \(graph[node.operands[1]].shape)\(sum)", CK_CONVOLUTION,
        UnsafeRawPointer(plan.parameters.store(parameters)),
        taskCount: Int(firstTask.last ?? 0), reads: Array(Set(reads)), writes: [result]),
      isFixed: isFixed[id.index])
  }

  private mutating func lowerPlainConvolution(
    _ id: NodeID, _ node: Node, _ geometry: ConvolutionGeometry
  ) {
    let (rows, columns) = (geometry.height, geometry.width)
    let operands = node.operands.map { buffer(of: $0) }
    let result = buffer(of: id)
    let direction: ck_direction
    let (input, weight, output): (BufferID, BufferID, BufferID)
    switch geometry.direction {
    case .forward:
      direction = CK_FORWARD
      (input, weight, output) = (operands[0], operands[1], result)
    case .inputGradient:
      direction = CK_INPUT_GRADIENT
      (input, weight, output) = (result, operands[1], operands[0])
    case .weightGradient:
      direction = CK_WEIGHT_GRADIENT
      (input, weight, output) = (operands[0], result, operands[1])
    }
    let parameters = ck_plain_convolution(
      type: node.dtype.kernelType, direction: direction, input: input.kernelIndex,
      weight: weight.kernelIndex, output: output.kernelIndex,
      images: Int64(geometry.images), groups: Int64(geometry.groups),
      input_channels: Int64(geometry.groups * geometry.inputChannels),
      output_channels: Int64(geometry.groups * geometry.outputChannels),
      height: Int64(rows.input), width: Int64(columns.input),
      kernel_height: Int64(rows.kernel), kernel_width: Int64(columns.kernel),
      output_height: Int64(rows.output), output_width: Int64(columns.output),
      stride_height: Int64(rows.stride), stride_width: Int64(columns.stride),
      dilation_height: Int64(rows.dilation), dilation_width: Int64(columns.dilation),
      top: Int64(rows.padding), left: Int64(columns.padding))
    plan.add(
      PlannedStep(
        "plain \(node.op.name)", CK_PLAIN_CONVOLUTION,
        UnsafeRawPointer(plan.parameters.store(parameters)), taskCount: 1,
        reads: operands, writes: [result]),
      isFixed: isFixed[id.index])
  }
}
