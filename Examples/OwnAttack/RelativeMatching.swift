import Leakage
import TensorGraph

/// Gradient matching in which each tensor counts by its relative error, Σ log(1 + ‖g'ₗ - gₗ‖² / ‖gₗ‖²), so
/// that small gradients count as much as large ones, and none that is far off drowns the others.
struct RelativeMatching: Attack {
  let descriptor = AttackDescriptor(
    name: "relative-matching", summary: "matches every tensor by its relative error",
    needs: AttackNeed.gradient, category: .eavesdropper, searches: true)

  func run(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    guard problem.update.training == nil else {
      throw AttackError("relative-matching needs one gradient, not several local steps")
    }
    let known =
      problem.knownLabels ?? LabelRecovery.batchLabels(of: problem.update, problem.weighted)
    guard let labels = known else {
      throw AttackError("relative-matching needs labels, and the update does not tell them")
    }
    let objective = try run.compiling { () throws(GraphError) in
      try RelativeDistance(problem, labels: labels)
    }
    let settings = problem.configuration
    for trial in 0..<settings.trials {
      var source = RandomSource(seed: settings.seed).derive(label: "trial").derive(index: trial)
      let start = (0..<objective.dimension).map { _ in 0.5 + 0.3 * source.normal() }
      try run.search(
        method: descriptor.method, labels: { _ in labels },
        solve: { observe throws(GraphError) in
          let result = try LBFGS().minimize(
            objective, from: start,
            until: StoppingRule(
              iterations: settings.iterations, solvedBelow: settings.solvedBelow),
            observe: observe)
          return AttackRun.Outcome(
            result, matchingLoss: try objective.squaredDistance(at: result.point))
        })
      if run.isFinished { return }
    }
  }
}

/// The distance and its derivative for the pixels, as one compiled graph.
private final class RelativeDistance: ObjectiveFunction {
  let dimension: Int
  private let shape: Shape
  private let function: CompiledFunction
  private let images, total, slope, squares: ValueHandle

  init(_ problem: AttackProblem, labels: [Int]) throws(GraphError) {
    let (weighted, update) = (problem.weighted, problem.update)
    let model = weighted.model
    shape = problem.batchShape
    dimension = shape.elementCount

    let builder = GraphBuilder()
    func fixed(_ specs: [ParameterSpec], _ ending: String = "") -> [Value] {
      specs.map { builder.input($0.name + ending, $0.shape, .f64, role: .fixed) }
    }
    let dummy = builder.input("images", shape, .f64)
    let classes = builder.input("labels", [labels.count], .i32, role: .fixed)
    let (parameters, buffers) = (fixed(model.parameters), fixed(model.buffers))
    let targets = fixed(update.sharedParameters.map { model.parameters[$0] }, ".target")
    let client = model.clientGradient(
      images: dummy, labels: classes, labelForm: .classIndices, parameters: parameters,
      buffers: buffers, loss: update.loss, mode: problem.mode)

    var (sum, distance) = (builder.constant(0, .f64), builder.constant(0, .f64))
    for (target, index) in zip(targets, update.sharedParameters) {
      let square = (client.gradients[index] - target).squared().sum()
      let norm = update.gradients[index].doubles.reduce(0) { $0 + $1 * $1 }
      distance = distance + square
      if norm > 0 { sum = sum + (square * (1 / norm)).log1p() }
    }
    let derivative = sum.gradient(withRespectTo: [dummy])[0]
    function = try CompiledFunction(
      builder.function(computing: [sum, derivative, distance]), on: problem.backend)
    (images, total) = (dummy.handle, sum.handle)
    (slope, squares) = (derivative.handle, distance.handle)
    function.bind(classes.handle, to: Tensor([labels.count], .i32, labels.map(Double.init)))
    function.bind(parameters.map(\.handle), to: weighted.parameters)
    function.bind(buffers.map(\.handle), to: weighted.buffers)
    function.bind(
      targets.map(\.handle), to: update.sharedParameters.map { update.gradients[$0] })
  }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) -> Double {
    function.input(images).write(Tensor(shape, .f64(Array(point))))
    try function.run()
    _ = gradient.update(fromContentsOf: function.output(slope).pointer(as: Double.self))
    return function.read(total).scalarValue
  }

  /// Σ ‖g'ₗ - gₗ‖², by which attacks are compared.
  func squaredDistance(at point: [Double]) throws(GraphError) -> Double {
    function.input(images).write(Tensor(shape, .f64(point)))
    try function.run()
    return function.read(squares).scalarValue
  }
}
