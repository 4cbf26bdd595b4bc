import TensorGraph

/// How an image is laid out as planes for ``ck_planes``.
struct PlaneLayout: Hashable {
  let rowOrigins: [Int]
  let columnOrigins: [Int]
  let rowStep: Int
  let columnStep: Int
  let rows: Int
  let columns: Int

  /// The phases of the input that a convolution's windows read.
  init(phasesOf geometry: ConvolutionGeometry) {
    let (height, width) = (geometry.height, geometry.width)
    var (rowOrigins, columnOrigins): ([Int], [Int]) = ([], [])
    for row in height.phases {
      for column in width.phases {
        rowOrigins.append(row - height.padding)
        columnOrigins.append(column - width.padding)
      }
    }
    self.rowOrigins = rowOrigins
    self.columnOrigins = columnOrigins
    rowStep = height.stride
    columnStep = width.stride
    rows = height.phaseExtent
    columns = width.phaseExtent
  }

  /// The output cotangent with the margin that the input gradient reads.
  init(cotangentOf geometry: ConvolutionGeometry) {
    let (height, width) = (geometry.height.reachedOutputs, geometry.width.reachedOutputs)
    rowOrigins = [height.lowerBound]
    columnOrigins = [width.lowerBound]
    rowStep = 1
    columnStep = 1
    rows = height.count
    columns = width.count
  }

  var phaseCount: Int { rowOrigins.count }

  /// Elements from plane to plane: whole vectors, and no multiple of the 4096 bytes at which lines
  /// compete for the same place in the first-level cache.
  func planeStride(elementSize: Int) -> Int {
    let unit = 64 / elementSize
    let stride = ceilingDivide(rows * columns, by: unit) * unit
    return stride * elementSize % 4096 == 0 ? stride + unit : stride
  }
}

extension ConvolutionGeometry {
  /// For each (channel of a group, kernel row, kernel column) where its elements start in the planes.
  func windowOffsets(planeStride: Int, pitch: Int) -> [Int64] {
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

  /// The matrix that gives the input gradient at the positions of one class: where its rows k start in
  /// the cotangent's planes, and which weights they meet.
  func inputGradientMatrix(
    _ rowClass: ConvolutionAxis.InputClass, _ columnClass: ConvolutionAxis.InputClass,
    _ layout: PlaneLayout, planeStride: Int
  ) -> (planeOffsets: [Int64], panels: PanelLayout) {
    var (weightOffsets, planeOffsets): ([Int], [Int64]) = ([], [])
    for output in 0..<outputChannels {
      for (row, rowShift) in rowClass.taps {
        for (column, columnShift) in columnClass.taps {
          weightOffsets.append(output * inputChannels * kernelArea + row * width.kernel + column)
          planeOffsets.append(
            Int64(
              output * planeStride + (rowShift - layout.rowOrigins[0]) * layout.columns
                + columnShift - layout.columnOrigins[0]))
        }
      }
    }
    let panels = PanelLayout(
      groups: groups, rows: inputChannels,
      groupStride: outputChannels * inputChannels * kernelArea, rowStride: kernelArea,
      offsets: weightOffsets)
    return (planeOffsets, panels)
  }
}
