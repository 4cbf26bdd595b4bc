import CKernels
import TensorGraph

extension Lowering {
  mutating func lowerConvolution(_ id: NodeID, _ node: Node, _ geometry: ConvolutionGeometry) {
    guard geometry.suitsPlanes else {
      lowerPlainConvolution(
        id, CK_FORWARD, geometry, input: node.operands[0], weight: node.operands[1], output: id)
      return
    }
    let layout = PlaneLayout(phasesOf: geometry)
    let stride = layout.planeStride(elementSize: node.dtype.byteCount)
    let planes = planes(of: node.operands[0], layout)
    let k = geometry.inputChannels * geometry.kernelArea
    let panels = panels(
      of: node.operands[1],
      PanelLayout(
        groups: geometry.groups, rows: geometry.outputChannels,
        groupStride: geometry.outputChannels * k, rowStride: k, offsets: Array(0..<k)))
    let offsets = geometry.windowOffsets(planeStride: stride, pitch: layout.columns)
    let (channels, area) = (geometry.outputChannels, geometry.outputArea)
    var part = ck_convolution()
    part.k = Int64(k)
    part.rows = Int64(channels)
    part.offsets = plan.parameters.store(offsets)
    part.image_stride = Int64(
      geometry.groups * geometry.inputChannels * layout.phaseCount * stride)
    part.group_stride = Int64(geometry.inputChannels * layout.phaseCount * stride)
    part.pitch = Int64(layout.columns)
    part.position_rows = Int64(geometry.height.output)
    part.position_columns = Int64(geometry.width.output)
    part.result_image = Int64(geometry.groups * channels * area)
    part.result_group = Int64(channels * area)
    part.result_channel = Int64(area)
    part.result_row = Int64(geometry.width.output)
    part.result_column = 1
    addConvolution(
      "convolution \(graph[node.operands[1]].shape)", id, geometry, [part], planes: planes,
      panels: [panels])
  }

  mutating func lowerInputGradient(_ id: NodeID, _ node: Node, _ geometry: ConvolutionGeometry) {
    guard geometry.suitsPlanes else {
      lowerPlainConvolution(
        id, CK_INPUT_GRADIENT, geometry, input: id, weight: node.operands[1],
        output: node.operands[0])
      return
    }
    let layout = PlaneLayout(cotangentOf: geometry)
    let stride = layout.planeStride(elementSize: node.dtype.byteCount)
    let planes = planes(of: node.operands[0], layout)
    let (rows, columns) = (geometry.height, geometry.width)
    let (channels, outputs) = (geometry.inputChannels, geometry.outputChannels)
    var parts: [ck_convolution] = []
    var panels: [BufferID] = []
    for rowClass in rows.inputClasses {
      for columnClass in columns.inputClasses {
        var (weightOffsets, planeOffsets): ([Int], [Int64]) = ([], [])
        for output in 0..<outputs {
          for (row, rowShift) in rowClass.taps {
            for (column, columnShift) in columnClass.taps {
              weightOffsets.append(
                output * channels * geometry.kernelArea + row * columns.kernel + column)
              planeOffsets.append(
                Int64(
                  output * stride + (rowShift - layout.rowOrigins[0]) * layout.columns
                    + columnShift - layout.columnOrigins[0]))
            }
          }
        }
        panels.append(
          self.panels(
            of: node.operands[1],
            PanelLayout(
              groups: geometry.groups, rows: channels,
              groupStride: outputs * channels * geometry.kernelArea,
              rowStride: geometry.kernelArea, offsets: weightOffsets)))
        var part = ck_convolution()
        part.k = Int64(weightOffsets.count)
        part.rows = Int64(channels)
        part.offsets = plan.parameters.store(planeOffsets)
        part.image_stride = Int64(geometry.groups * outputs * stride)
        part.group_stride = Int64(outputs * stride)
        part.pitch = Int64(layout.columns)
        part.position_rows = Int64(rowClass.count)
        part.position_columns = Int64(columnClass.count)
        part.result_origin = Int64(rowClass.first * columns.input + columnClass.first)
        part.result_image = Int64(geometry.groups * channels * geometry.inputArea)
        part.result_group = Int64(channels * geometry.inputArea)
        part.result_channel = Int64(geometry.inputArea)
        part.result_row = Int64(rows.stride * columns.input)
        part.result_column = Int64(columns.stride)
        parts.append(part)
      }
    }
    addConvolution(
      "convolution input gradient \(graph[node.operands[1]].shape)", id, geometry, parts,
      planes: planes, panels: panels)
  }

  /// Adds one step for the parts of a convolution, cut into tasks.
  private mutating func addConvolution(
    _ name: String, _ id: NodeID, _ geometry: ConvolutionGeometry, _ parts: [ck_convolution],
    planes: BufferID, panels: [BufferID]
  ) {
    let type = graph[id].dtype.kernelType
    let result = buffer(of: id)
    let tileColumns = type == CK_F64 ? 16 : 32
    var parts = parts
    var firstTask: [Int64] = [0]
    for index in parts.indices {
      parts[index].type = type
      parts[index].planes = planes.kernelIndex
      parts[index].panels = panels[index].kernelIndex
      parts[index].result = result.kernelIndex
      parts[index].images = Int64(geometry.images)
      parts[index].groups = Int64(geometry.groups)
      let positions =
        Int(parts[index].position_rows - 1) * Int(parts[index].pitch)
        + Int(parts[index].position_columns)
      let tiles = pieces(positions, of: tileColumns)
      let panelCount = pieces(Int(parts[index].rows), of: Int(CK_PANEL))
      let panelCost = max(Int(parts[index].k) * Int(CK_PANEL) * tileColumns, 1)
      // A task has all panels of a few tiles, or some panels of one.
      let panelsPerTask = min(max(4 * Self.contractionTaskCost / panelCost, 1), panelCount)
      let tilesPerTask = min(
        max(Self.contractionTaskCost / (panelCost * panelsPerTask), 1), tiles)
      parts[index].panels_per_task = Int64(panelsPerTask)
      parts[index].panel_tasks = Int64(pieces(panelCount, of: panelsPerTask))
      parts[index].tiles_per_task = Int64(tilesPerTask)
      parts[index].tile_tasks = Int64(pieces(tiles, of: tilesPerTask))
      let tasks =
        geometry.images * geometry.groups * pieces(panelCount, of: panelsPerTask)
        * pieces(tiles, of: tilesPerTask)
      firstTask.append(firstTask[index] + Int64(tasks))
    }
    let parameters = ck_convolutions(
      type: type, count: Int32(parts.count), parts: plan.parameters.store(parts),
      first_task: plan.parameters.store(firstTask))
    plan.add(
      PlannedStep(
        name, CK_CONVOLUTION, UnsafeRawPointer(plan.parameters.store(parameters)),
        taskCount: Int(firstTask[parts.count]), reads: [planes] + panels, writes: [result]),
      isFixed: isFixed[id.index])
  }

  mutating func lowerWeightGradient(_ id: NodeID, _ node: Node, _ geometry: ConvolutionGeometry) {
    guard geometry.suitsPlanes else {
      lowerPlainConvolution(
        id, CK_WEIGHT_GRADIENT, geometry, input: node.operands[0], weight: id,
        output: node.operands[1])
      return
    }
    let layout = PlaneLayout(phasesOf: geometry)
    let stride = layout.planeStride(elementSize: node.dtype.byteCount)
    let type = node.dtype.kernelType
    let planes = planes(of: node.operands[0], layout)
    let cotangent = channelsLast(of: node.operands[1], groups: geometry.groups)
    let k = geometry.inputChannels * geometry.kernelArea
    let padded = Int(ck_padded_channels(Int64(geometry.outputChannels), type))
    let tile = Int(ck_weight_gradient_tile(Int64(padded), type))
    let tiles = pieces(k, of: tile)
    let tileCost = max(tile * padded * geometry.images * geometry.outputArea, 1)
    let tilesPerTask = min(max(Self.contractionTaskCost / tileCost, 1), tiles)
    let result = buffer(of: id)
    let parameters = ck_weight_gradient(
      type: type, planes: planes.kernelIndex, cotangent: cotangent.kernelIndex,
      result: result.kernelIndex, images: Int64(geometry.images), groups: Int64(geometry.groups),
      channels: Int64(geometry.outputChannels), padded_channels: Int64(padded), k: Int64(k),
      offsets: plan.parameters.store(
        geometry.windowOffsets(planeStride: stride, pitch: layout.columns)),
      image_stride: Int64(geometry.groups * geometry.inputChannels * layout.phaseCount * stride),
      group_stride: Int64(geometry.inputChannels * layout.phaseCount * stride),
      pitch: Int64(layout.columns), position_rows: Int64(geometry.height.output),
      position_columns: Int64(geometry.width.output), tiles_per_task: Int64(tilesPerTask),
      tasks_per_group: Int64(pieces(tiles, of: tilesPerTask)))
    plan.add(
      PlannedStep(
        "convolution weight gradient \(node.shape)", CK_WEIGHT_GRADIENT_KERNEL,
        UnsafeRawPointer(plan.parameters.store(parameters)),
        taskCount: geometry.groups * pieces(tiles, of: tilesPerTask), reads: [planes, cotangent],
        writes: [result]),
      isFixed: isFixed[id.index])
  }

  private mutating func lowerPlainConvolution(
    _ id: NodeID, _ direction: ck_direction, _ geometry: ConvolutionGeometry, input: NodeID,
    weight: NodeID, output: NodeID
  ) {
    let (rows, columns) = (geometry.height, geometry.width)
    let buffers = [buffer(of: input), buffer(of: weight), buffer(of: output)]
    let result = buffer(of: id)
    let parameters = ck_plain_convolution(
      type: graph[id].dtype.kernelType, direction: direction, input: buffers[0].kernelIndex,
      weight: buffers[1].kernelIndex, output: buffers[2].kernelIndex,
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
        "plain \(graph[id].op.name)", CK_PLAIN_CONVOLUTION,
        UnsafeRawPointer(plan.parameters.store(parameters)), taskCount: 1,
        reads: buffers.filter { $0 != result }, writes: [result]),
      isFixed: isFixed[id.index])
  }
}

extension ConvolutionGeometry {
  /// For each (channel of a group, kernel row, kernel column) where its elements start in the planes.
  fileprivate func windowOffsets(planeStride: Int, pitch: Int) -> [Int64] {
    let (rows, columns) = (height.phaseShifts, width.phaseShifts)
    let columnPhases = width.phases.count
    let phaseCount = height.phases.count * columnPhases
    var offsets: [Int64] = []
    offsets.reserveCapacity(inputChannels * kernelArea)
    for channel in 0..<inputChannels {
      for row in rows {
        for column in columns {
          let plane = channel * phaseCount + row.phase * columnPhases + column.phase
          offsets.append(Int64(plane * planeStride + row.shift * pitch + column.shift))
        }
      }
    }
    return offsets
  }
}
