import Solvers
import TensorGraph

/// A plan's objective with its priors, as a solver's function: a point is the dummy images [S·N, C, h,
/// w], followed by the labels' logits where they are sought too.
///
/// Compiled once; every evaluation writes the point into the graph's buffers, runs it and reads the
/// results, without allocating.
final class PlanFunction: ObjectiveFunction {
  let dimension: Int
  /// [S·N, C, h, w].
  let dummyShape: Shape
  private let function: CompiledFunction
  private let variables: [HostBuffer]
  private let gradients: [HostBuffer]
  private let total: HostBuffer
  private let objectiveValues: HostBuffer
  private let distanceValues: HostBuffer
  /// Where the distances of every evaluation are rounded; see ``PlanGraph/exactDistances``.
  private let exactDistances: (function: CompiledFunction, values: HostBuffer)?

  /// What has been found out before the search.
  struct Known {
    /// Class indices of the batch; nil when they are sought.
    let labels: [Int]?
    /// Indices of the parameters to match.
    let matched: [Int]
    /// Recovered features [N, F]; needed when the plan has that prior.
    let features: Tensor?
  }

  /// - Parameter scale: of the dummy images' height and width; see ``OptimizationPlan/scales``.
  /// - Throws: ``GraphError`` when the backend cannot run the objective.
  init(
    _ plan: OptimizationPlan, _ problem: AttackProblem, _ known: Known, scale: Double,
    precision: Precision
  ) throws(GraphError) {
    let (weighted, update, backend) = (problem.weighted, problem.update, problem.backend)
    let labels = known.labels
    let matching = PlanGraph(
      plan, problem.signature, labelForm: labels == nil ? .logits : .classIndices,
      matched: known.matched, scale: scale, dtype: precision.dtype)
    function = try CompiledFunction(matching.function, on: backend)
    var functions = [function]
    if let exact = matching.exactDistances {
      let function = try CompiledFunction(exact.function, on: backend)
      functions.append(function)
      exactDistances = (function, function.output(exact.values))
    } else {
      exactDistances = nil
    }
    func bind(_ inputs: [ValueHandle], to tensors: [Tensor]) {
      for (input, tensor) in zip(inputs, tensors) {
        let buffer = HostBuffer(tensor.converted(to: precision.dtype))
        for function in functions { function.bind(input, to: buffer) }
      }
    }
    bind(matching.parameters, to: weighted.parameters)
    bind(matching.buffers, to: weighted.trainedBuffers(update.training))
    bind(matching.targets, to: update.gradients)
    bind(
      matching.viewed,
      to: problem.counter.viewed(
        update, of: Array(update.gradients.indices), isWeighted: false))
    if let input = matching.features {
      guard let features = known.features else {
        preconditionFailure("the plan's prior needs features")
      }
      bind([input], to: [features])
    }
    let (images, labelBuffer) = (function.input(matching.images), function.input(matching.labels))
    exactDistances?.function.bind(matching.images, to: images)
    exactDistances?.function.bind(matching.labels, to: labelBuffer)
    total = function.output(matching.total)
    objectiveValues = function.output(matching.objectives)
    distanceValues = function.output(matching.squaredDistances)
    var gradients = [function.output(matching.imageGradient)]
    if let labels {
      labelBuffer.write(Tensor(labelBuffer.type.shape, .i32, labels.map(Double.init)))
      variables = [images]
    } else {
      variables = [images, labelBuffer]
      if let gradient = matching.labelGradient { gradients.append(function.output(gradient)) }
    }
    self.gradients = gradients
    dummyShape = images.type.shape
    dimension = variables.reduce(0) { $0 + $1.type.shape.elementCount }
  }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) -> Double {
    variables.store(point)
    try function.run()
    gradients.load(into: gradient)
    return total.number(at: 0)
  }

  /// What the latest evaluation found for each seed.
  var seeds: [(objective: Double, squaredDistance: Double)] {
    (0..<objectiveValues.type.shape.elementCount).map {
      (objectiveValues.number(at: $0), distanceValues.number(at: $0))
    }
  }

  /// The squared distance of a seed's gradient to the shared one, without the rounding of
  /// ``seeds``; at the point of the latest evaluation.
  func exactSquaredDistance(ofSeed seed: Int) throws(GraphError) -> Double {
    guard let exactDistances else { return seeds[seed].squaredDistance }
    try exactDistances.function.run()
    return exactDistances.values.number(at: seed)
  }

  /// The seed of the latest evaluation with the lowest objective.
  var bestSeed: Int {
    let values = seeds.map { $0.objective.isNaN ? .infinity : $0.objective }
    return values.indices.min { values[$0] < values[$1] } ?? 0
  }
}
