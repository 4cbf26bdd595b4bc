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
  private let executable: any Executable
  private let variables: [HostBuffer]
  private let gradients: [HostBuffer]
  private let total: HostBuffer
  private let objectiveValues: HostBuffer
  private let distanceValues: HostBuffer
  /// Where the distances of every evaluation are rounded; see ``PlanGraph/exactDistances``.
  private let exactDistances: (executable: any Executable, values: HostBuffer)?

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
    let executable = try backend.compile(matching.graph)
    self.executable = executable
    var exact: (any Executable)?
    if let graph = matching.exactDistances { exact = try backend.compile(graph) }
    exactDistances = exact.map { exact in
      let values = HostBuffer(exact.graph.outputTypes[0])
      exact.bind(output: 0, to: values)
      return (exact, values)
    }
    func bind(input: Int, to buffer: HostBuffer) {
      executable.bind(input: input, to: buffer)
      exact?.bind(input: input, to: buffer)
    }
    func bindFixed(_ tensors: [Tensor], from start: Int) {
      for (offset, tensor) in tensors.enumerated() {
        bind(input: start + offset, to: HostBuffer(tensor.converted(to: precision.dtype)))
      }
    }
    bindFixed(weighted.parameters, from: matching.parameters.lowerBound)
    bindFixed(weighted.buffers, from: matching.buffers.lowerBound)
    bindFixed(update.gradients, from: matching.targets.lowerBound)
    if let index = matching.features {
      guard let features = known.features else {
        preconditionFailure("the plan's prior needs features")
      }
      bindFixed([features], from: index)
    }

    let types = matching.graph.inputs.map(\.type)
    func bound(output: Int) -> HostBuffer {
      let buffer = HostBuffer(matching.graph.outputTypes[output])
      executable.bind(output: output, to: buffer)
      return buffer
    }
    let images = HostBuffer(types[matching.images])
    bind(input: matching.images, to: images)
    let labelBuffer = HostBuffer(types[matching.labels])
    bind(input: matching.labels, to: labelBuffer)
    var buffers: [Int: HostBuffer] = [:]
    for index in matching.graph.outputs.indices { buffers[index] = bound(output: index) }
    func output(_ index: Int) -> HostBuffer {
      guard let buffer = buffers[index] else { preconditionFailure("no output \(index)") }
      return buffer
    }
    total = output(matching.total)
    objectiveValues = output(matching.objectives)
    distanceValues = output(matching.squaredDistances)
    if let labels {
      labelBuffer.write(Tensor([labels.count], .i32, labels.map(Double.init)))
      variables = [images]
      gradients = [output(matching.imageGradient)]
    } else {
      variables = [images, labelBuffer]
      gradients =
        [output(matching.imageGradient)] + (matching.labelGradient.map { [output($0)] } ?? [])
    }
    dummyShape = images.type.shape
    dimension = variables.reduce(0) { $0 + $1.type.shape.elementCount }
  }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    variables.store(point)
    executable.run()
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
  func exactSquaredDistance(ofSeed seed: Int) -> Double {
    guard let exactDistances else { return seeds[seed].squaredDistance }
    exactDistances.executable.run()
    return exactDistances.values.number(at: seed)
  }

  /// The seed of the latest evaluation with the lowest objective.
  var bestSeed: Int {
    let values = seeds.map { $0.objective.isNaN ? .infinity : $0.objective }
    return values.indices.min { values[$0] < values[$1] } ?? 0
  }
}
