import CKernels
import TensorGraph

extension Lowering {
  mutating func lowerArgmax(_ id: NodeID, _ node: Node, axis: Int) {
    let operand = graph[node.operands[0]]
    let shape = ReductionShape(operand.shape, axes: [axis])
    let (source, result) = (buffer(of: node.operands[0]), buffer(of: id))
    let parameters = ck_argmax(
      type: operand.dtype.kernelType, operand: source.kernelIndex, result: result.kernelIndex,
      outer: Int64(shape.outer), extent: Int64(shape.reduced), inner: Int64(shape.inner))
    addSelection(id, CK_ARGMAX, parameters, taskCount: shape.outer, [source], result)
  }

  mutating func lowerWindowArgmax(_ id: NodeID, _ node: Node, _ window: Window) {
    let operand = graph[node.operands[0]]
    let (source, result) = (buffer(of: node.operands[0]), buffer(of: id))
    let images = operand.shape[0] * operand.shape[1]
    let parameters = ck_window_argmax(
      type: operand.dtype.kernelType, operand: source.kernelIndex, result: result.kernelIndex,
      images: Int64(images), height: Int64(operand.shape[2]), width: Int64(operand.shape[3]),
      output_height: Int64(node.shape[2]), output_width: Int64(node.shape[3]),
      window_height: Int64(window.size.height), window_width: Int64(window.size.width),
      stride_height: Int64(window.strides.height), stride_width: Int64(window.strides.width),
      dilation_height: Int64(window.dilations.height),
      dilation_width: Int64(window.dilations.width), top: Int64(window.padding.top),
      left: Int64(window.padding.left))
    addSelection(id, CK_WINDOW_ARGMAX, parameters, taskCount: images, [source], result)
  }

  mutating func lowerIndexing(_ id: NodeID, _ node: Node) {
    let (operand, indices) = (graph[node.operands[0]], graph[node.operands[1]])
    let reads = node.operands.map { buffer(of: $0) }
    let result = buffer(of: id)
    let isGather = node.op == .indexing(.gather)
    let parameters = ck_indexing(
      type: node.dtype.kernelType, index_type: indices.dtype.kernelType,
      operand: reads[0].kernelIndex, indices: reads[1].kernelIndex, result: result.kernelIndex,
      batch: Int64(node.shape[0]), size: Int64(isGather ? operand.shape[1] : node.shape[1]),
      count: Int64(indices.shape[1]), depth: Int64(node.shape[2]))
    addSelection(
      id, isGather ? CK_GATHER : CK_SCATTER_ADD, parameters, taskCount: node.shape[0], reads,
      result)
  }

  private mutating func addSelection<Parameters: BitwiseCopyable>(
    _ id: NodeID, _ kernel: ck_kernel, _ parameters: Parameters, taskCount: Int,
    _ reads: [BufferID], _ result: BufferID
  ) {
    plan.add(
      PlannedStep(
        "\(graph[id].op.name) \(graph[id].shape)", kernel,
        UnsafeRawPointer(plan.parameters.store(parameters)), taskCount: taskCount, reads: reads,
        writes: [result]),
      isFixed: isFixed[id.index])
  }
}
