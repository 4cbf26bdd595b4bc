import Clients
import Solvers
import TensorGraph

/// The objective of ``SmoothedMatchingGraph`` as a solver's function of the dummy images [N, C, H, W].
///
/// Compiled once for all widths.
final class SmoothedMatching: ObjectiveFunction {
  let dimension: Int
  private let function: CompiledFunction
  private let images: HostBuffer
  private let widthBuffer: HostBuffer
  private let distance: HostBuffer
  private let gradient: HostBuffer

  /// The share of the gradient's root mean square that is added to the divisor; 0 for the client's own steps.
  var width = 0.0 {
    didSet { widthBuffer.write(Tensor([], widthBuffer.type.dtype, [width])) }
  }

  /// - Parameter labels: class indices of the batch.
  /// - Throws: ``GraphError`` when the backend cannot run the objective.
  init(_ problem: AttackProblem, labels: [Int]) throws(GraphError) {
    let (weighted, update) = (problem.weighted, problem.update)
    let dtype = problem.configuration.precision.dtype
    let graph = SmoothedMatchingGraph(problem.signature, dtype: dtype)
    function = try CompiledFunction(graph.function, on: problem.backend)
    function.bind(graph.parameters, to: weighted.parameters)
    function.bind(graph.buffers, to: weighted.trainedBuffers(update.training))
    function.bind(graph.targets, to: update.sharedParameters.map { update.gradients[$0] })
    let labelBuffer = function.input(graph.labels)
    labelBuffer.write(Tensor(labelBuffer.type.shape, .i32, labels.map(Double.init)))
    images = function.input(graph.images)
    widthBuffer = function.input(graph.width)
    distance = function.output(graph.distance)
    gradient = function.output(graph.imageGradient)
    dimension = images.type.shape.elementCount
  }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient target: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) -> Double {
    images.store(point)
    try function.run()
    gradient.load(into: target)
    return distance.number(at: 0)
  }
}
