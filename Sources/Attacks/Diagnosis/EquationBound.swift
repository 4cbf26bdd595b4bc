import Clients
import TensorGraph

extension Model {
  /// An upper bound on the number of independent equations that the gradient of a batch gives for its
  /// images: the rank of the gradient's Jacobian cannot exceed it. When it is smaller than the number
  /// of pixels, no attack can tell the batch from others by the gradient alone.
  ///
  /// Take a value inside the model through which everything computed from the images passes. The
  /// gradients of all later parameters depend on the images through that value alone, so that together
  /// they give at most as many equations as it has elements; each earlier parameter gives at most one.
  /// The bound is the least such sum.
  ///
  /// - Parameters:
  ///   - sharedParameters: indices of the parameters whose gradients were shared; nil for all.
  ///   - labelUnknowns: numbers of the labels that are sought with the images, which the loss reads beside that value.
  package func equationBound(
    batchSize: Int, sharedParameters: [Int]? = nil, labelUnknowns: Int = 0,
    mode: ForwardMode = .evaluation
  ) -> Int {
    let shared = Set(sharedParameters ?? Array(parameters.indices))
    let builder = GraphBuilder()
    let parameterValues = parameters.map { builder.input($0.name, $0.shape, .f32) }
    let bufferValues = buffers.map { builder.input($0.name, $0.shape, .f32) }
    let data = builder.input("data", probeShape, .f32)
    let logits = forward(data, parameters: parameterValues, buffers: bufferValues, mode: mode)
    let graph = builder.build(outputs: [logits])

    let dataInput = parameters.count + buffers.count
    var dependsOnData = [Bool](repeating: false, count: graph.nodes.count)
    var lastUse = [Int](repeating: 0, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      if case .input(dataInput, _) = node.op { dependsOnData[index] = true }
      for operand in node.operands where dependsOnData[operand.index] {
        dependsOnData[index] = true
        lastUse[operand.index] = index
      }
    }
    var bound = shared.reduce(0) { $0 + parameters[$1].shape.elementCount }
    var latestUse = 0
    for index in graph.nodes.indices where dependsOnData[index] {
      // Nothing computed before bypasses this value.
      if latestUse <= index, graph.nodes[index].dtype.isFloatingPoint {
        let earlier = elements(of: shared, readBy: NodeID(index), in: graph)
        // Rounded up: a value without a batch axis counts once at least.
        let elements = graph.nodes[index].shape.elementCount * batchSize
        bound = min(
          bound, (elements + probeBatchSize - 1) / probeBatchSize + labelUnknowns + earlier)
      }
      latestUse = max(latestUse, lastUse[index])
    }
    return bound
  }

  /// Number of elements of the parameters `shared` that a node depends on.
  private func elements(
    of shared: Set<Int>, readBy node: NodeID, in graph: Graph
  ) -> Int {
    var isNeeded = [Bool](repeating: false, count: node.index + 1)
    isNeeded[node.index] = true
    var count = 0
    for index in stride(from: node.index, through: 0, by: -1) where isNeeded[index] {
      if case .input(let input, let type) = graph.nodes[index].op, shared.contains(input) {
        count += type.shape.elementCount
      }
      for operand in graph.nodes[index].operands { isNeeded[operand.index] = true }
    }
    return count
  }
}
