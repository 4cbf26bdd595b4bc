import Clients
import Solvers
import TensorGraph

/// What is left to fit where layer peeling ends above the data: the images whose values at that layer are
/// the known ones, and whose gradients for the parameters up to it are those that were shared.
///
/// The cotangent there is known too, so the loss, the labels and everything behind have gone from the
/// problem: r(x) = (y(x) - y*, s (∂⟨c, y(x)⟩/∂W - g*)). It has as many solutions as the whole problem,
/// costs less, and each image's values, which no other image touches, keep it well conditioned.
///
/// Where the equations are too few, first differences of small weight choose the smoothest batch, as
/// ``SmoothCompletion`` does.
final class OpenEndResiduals: ResidualSquares {
  private let smoothness: ValueHandle

  /// - Parameter update: with the gradients of the whole model.
  /// - Throws: ``GraphError`` when the backend cannot run the graph.
  convenience init(
    _ peeling: LayerPeeling, _ end: LayerPeeling.OpenEnd, _ weighted: WeightedModel,
    _ update: SharedUpdate, backend: any Backend
  ) throws(GraphError) {
    try self.init(
      peeling, end, inputs: weighted.parameters + weighted.buffers, gradients: update.gradients,
      of: update.sharedParameters, backend: backend)
  }

  /// - Parameters:
  ///   - inputs: parameters and buffers of the model.
  ///   - gradients: of all parameters.
  ///   - parameters: whose gradients are to be fitted, where the layers up to the end read them.
  init(
    _ peeling: LayerPeeling, _ end: LayerPeeling.OpenEnd, inputs given: [Tensor],
    gradients known: [Tensor], of parameters: [Int], backend: any Backend
  ) throws(GraphError) {
    let head = peeling.graph.computing(end.node)
    let builder = GraphBuilder()
    let data = head.inputs.count - 1
    let inputs = head.inputs.enumerated().map {
      builder.input($1.name, $1.type.shape, $1.type.dtype, role: $0 == data ? .varying : .fixed)
    }
    let x = inputs[data]
    var fixed = zip(inputs, given).map { ($0, HostBuffer($1.converted(to: .f64))) }
    func fixedInput(_ name: String, _ tensor: Tensor) -> Value {
      let value = builder.input(name, tensor.shape, .f64, role: .fixed)
      fixed.append((value, HostBuffer(tensor.converted(to: .f64))))
      return value
    }
    let y = builder.inline(head, inputs: inputs)[0]
    let cotangent = fixedInput("cotangent", end.cotangent)
    let mask = fixedInput("mask", Tensor(end.value.shape, .f64(end.isKnown.map { $0 ? 1 : 0 })))
    let scale = fixedInput("scale", Tensor([], .f64, repeating: end.gradientScale))
    let smoothness = fixedInput("smoothness", Tensor([], .f64, repeating: 0))
    let used = parameters.filter { head.reads(input: $0) }
    let gradients = y.pullback(cotangent, to: used.map { inputs[$0] })

    var residuals = [(y - fixedInput("value", end.value)) * mask]
    for (parameter, gradient) in zip(used, gradients) {
      let target = fixedInput("target", known[parameter])
      residuals.append((gradient - target) * scale.broadcast(to: gradient.shape, axes: []))
    }
    residuals += x.neighbourDifferences.map {
      $0 * smoothness.broadcast(to: $0.shape, axes: [])
    }
    self.smoothness = smoothness.handle
    try super.init(residuals, of: x, fixed: fixed, backend: backend)
  }

  /// Weight of neighbours' differences; 0 where the equations suffice.
  func setSmoothness(_ weight: Double) {
    set(smoothness, to: weight)
  }
}

extension Graph {
  /// The graph that computes one of this graph's nodes from the same inputs.
  func computing(_ node: NodeID) -> Graph {
    Graph(nodes: nodes, inputs: inputs, outputs: [node]).removingDeadNodes()
  }
}
