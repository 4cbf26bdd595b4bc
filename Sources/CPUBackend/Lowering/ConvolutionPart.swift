import CKernels
import TensorGraph

/// What one ``ck_convolution`` computes, before its work is cut into tasks.
struct ConvolutionPart {
  let rows: Int
  let classCount: Int
  /// By class, then by term.
  let terms: [ck_term]
  let positions: KernelPositions
  private var origin = 0
  private var channel = 0
  private var group = 0
  private var image = 0

  init(rows: Int, classCount: Int, terms: [ck_term], positions: KernelPositions) {
    self.rows = rows
    self.classCount = classCount
    self.terms = terms
    self.positions = positions
  }

  /// Sets the elements from channel to channel and from group to group of the result.
  mutating func place(origin: Int, channel: Int, group: Int, groups: Int) {
    self.origin = origin
    self.channel = channel
    self.group = group
    image = group * groups
  }

  func kernelPart(
    result: BufferID, _ geometry: ConvolutionGeometry, _ store: ParameterStore, taskCost: Int,
    lanes: Int
  ) -> (part: ck_convolution, taskCount: Int) {
    let panelCount = ceilingDivide(rows, by: Int(CK_PANEL))
    let k = terms.reduce(0) { $0 + Int($1.k) }
    // Multiply-adds of one panel at one vector of positions.
    let vectorCost = max(k * min(rows, Int(CK_PANEL)) * lanes, 1)
    let vectorCount = geometry.images * positions.vectorCount
    // A task has all panels of some vectors, or, when one task's worth is less than that, some panels
    // of as many vectors as the cache holds the planes of.
    let unit = rows <= 4 ? 4 : 2
    let panelsPerTask = min(max(taskCost / vectorCost / unit, 1), panelCount)
    let fewest = ceilingDivide(max(taskCost / (vectorCost * panelsPerTask), 1), by: unit) * unit
    let cached = max((1 << 17) / max(k * lanes, 1), 1) * unit
    let vectorsPerTask =
      panelsPerTask == panelCount ? fewest : max(fewest, min(cached, vectorCount))
    let panelTasks = ceilingDivide(panelCount, by: panelsPerTask)
    let vectorTasks = ceilingDivide(vectorCount, by: vectorsPerTask)
    let part = ck_convolution(
      result: result.kernelIndex, images: Int64(geometry.images), groups: Int64(geometry.groups),
      rows: Int64(rows), class_count: Int64(classCount),
      term_count: Int64(terms.count / classCount), terms: store.store(terms),
      positions: positions.positions, first_segments: positions.firstSegments,
      segments: positions.segments, result_origin: Int64(origin), result_image: Int64(image),
      result_group: Int64(group), result_channel: Int64(channel),
      vectors_per_task: Int64(vectorsPerTask), vector_tasks: Int64(vectorTasks),
      panels_per_task: Int64(panelsPerTask), panel_tasks: Int64(panelTasks))
    return (part, geometry.groups * panelTasks * vectorTasks)
  }
}
