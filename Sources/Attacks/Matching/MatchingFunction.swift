import Clients
import Solvers
import TensorGraph

/// The matching loss as a solver's objective: a point is the dummy images, followed by the dummy
/// labels' logits where they are sought too. With a noisy update the value is the matching loss plus
/// the energy of the ``PixelPrior``.
///
/// Compiled once; every evaluation writes the point into the graph's buffers, runs it and reads the
/// results, without allocating.
final class MatchingFunction: ObjectiveFunction {
  let dimension: Int
  /// Number of leading coordinates that are pixels.
  let imageCount: Int
  private let function: CompiledFunction
  /// Buffers whose contents are the point, in order, and its gradient.
  private let variables: [HostBuffer]
  private let gradients: [HostBuffer]
  private let loss: HostBuffer
  private let prior: PixelPrior?

  /// - Parameters:
  ///   - problem: its update as the counter-attack sees it is matched.
  ///   - labels: class indices of the batch, or nil when they are sought.
  ///   - soughtForm: what sought labels are made of: logits, or probabilities as free numbers.
  /// - Throws: ``GraphError`` when the backend cannot run the objective.
  init(
    _ problem: AttackProblem, labels: [Int]?, soughtForm: LabelForm = .logits,
    precision: Precision
  ) throws(GraphError) {
    let (weighted, update, counter) = (problem.weighted, problem.matched, problem.counter)
    let matching = GradientMatchingGraph(
      problem.signature, labelForm: labels == nil ? soughtForm : .classIndices,
      seeksLabels: labels == nil, dtype: precision.dtype)
    function = try CompiledFunction(matching.function, on: problem.backend)
    let shared = update.sharedParameters
    function.bind(matching.parameters, to: weighted.parameters)
    function.bind(matching.buffers, to: weighted.trainedBuffers(update.training))
    function.bind(matching.targets, to: shared.map { update.gradients[$0] })
    function.bind(matching.viewed, to: counter.viewed(problem.update, of: shared))
    let (images, labelBuffer) = (function.input(matching.images), function.input(matching.labels))
    loss = function.output(matching.matchingLoss)
    imageCount = images.type.shape.elementCount
    var gradients = [function.output(matching.imageGradient)]
    if let labels {
      labelBuffer.write(Tensor(labelBuffer.type.shape, .i32, labels.map(Double.init)))
      variables = [images]
    } else {
      variables = [images, labelBuffer]
      if let gradient = matching.labelGradient { gradients.append(function.output(gradient)) }
    }
    self.gradients = gradients
    prior = problem.prior
    dimension = variables.reduce(0) { $0 + $1.type.shape.elementCount }
  }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) -> Double {
    variables.store(point)
    try function.run()
    gradients.load(into: gradient)
    guard let prior else { return loss.number(at: 0) }
    return loss.number(at: 0) + prior.addEnergy(at: point, gradient: gradient)
  }
}
