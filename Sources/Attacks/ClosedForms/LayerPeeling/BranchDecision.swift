import Clients
import Solvers
import TensorGraph

/// On which side of its turn each argument of an activation lies: decided by the layer below, whose input has
/// to give both the values and the weight's gradient.
extension LayerPeeling {
  /// A layer below an activation that turns.
  private struct TurnedLayer {
    let output: NodeID
    let input: NodeID
    let parameter: Int
    let branches: Branches
    let other: PeelingState.OtherBranch
    /// The layer with each open element in the middle of its two arguments.
    let middle: ContractionInverse
    let gradient: Tensor
  }

  /// The state before a layer with each branch decided; unchanged where none is open.
  ///
  /// The layer's input is sought with the branches left open (``BranchResiduals``) by Levenberg-Marquardt,
  /// for images first among smooth ones, and for these then with the activation itself. Which branch an
  /// element is on follows.
  func decided(
    _ state: PeelingState, _ link: LayerChain.Link, inputs: [Tensor], gradients: [Tensor],
    shouldStop: () -> Bool
  ) throws(GraphError) -> PeelingState {
    guard case .contraction(let output, let input, let parameter) = link,
      let value = state.value, let other = state.other, other.isOpen.contains(true)
    else { return state }
    let branches = Branches(value, state.cotangent, other)
    let middle = try contractionInverse(
      output, input, inputs[parameter],
      Tensor(graph[output].shape, .f64(branches.middleCotangent)),
      outputWeights: zip(branches.weights, branches.boundWeights).map { $0 + $1 })
    let layer = TurnedLayer(
      output: output, input: input, parameter: parameter, branches: branches, other: other,
      middle: middle, gradient: gradients[parameter].converted(to: .f64))
    let point: [Double]
    if isData(input), graph[input].shape.rank == 4 {
      point = try image(
        below: layer, inputs: inputs, gradients: gradients, shouldStop: shouldStop)
    } else {
      point = try hiddenInput(
        below: layer, weight: inputs[parameter], shouldStop: shouldStop)
    }
    var decided = try branches.decided(state, other, at: middle.output(of: point))
    decided.found = point
    return decided
  }

  /// From a constant input of the right size, then from others until the equations hold.
  private func hiddenInput(
    below layer: TurnedLayer, weight: Tensor, shouldStop: () -> Bool
  ) throws(GraphError) -> [Double] {
    let values = Tensor(graph[layer.output].shape, .f64(layer.branches.middle))
    let target = layer.middle.target(output: values, weightGradient: layer.gradient)
    let middle = try LSQR(steps: LayerPeeling.startingSteps).solve(
      layer.middle, target, shouldStop: shouldStop
    ).x
    let size = (dot(middle, middle) / Double(middle.count)).squareRoot()
    let residuals = try residuals(layer, weight: weight, isImage: false)
    var source = RandomSource(seed: 0).derive(label: "branches")
    var best: (point: [Double], value: Double)?
    for trial in 0..<LayerPeeling.trials {
      let start =
        trial == 0
        ? middle.map { _ in size }
        : trial == 1 ? middle : middle.map { $0 + size * source.normal() }
      let found = try minimum(of: residuals, from: start, iterations: 100, shouldStop)
      if found.value < best?.value ?? .infinity { best = found }
      if found.value <= LayerPeeling.agreement * LayerPeeling.agreement || shouldStop() { break }
    }
    return best?.point ?? middle
  }

  private func image(
    below layer: TurnedLayer, inputs: [Tensor], gradients: [Tensor], shouldStop: () -> Bool
  ) throws(GraphError) -> [Double] {
    let residuals = try residuals(layer, weight: inputs[layer.parameter], isImage: true)
    var point = [Double](repeating: 0.5, count: residuals.dimension)
    for smoothness in LayerPeeling.smoothnessWeights {
      residuals.setSmoothness(smoothness)
      point = try minimum(
        of: residuals, from: point, iterations: 20, stagnationWindow: 4, shouldStop
      ).point
    }
    // Open branches leave an image a few decibels from the right one, where the activation itself takes over.
    let turn = layer.other.turn
    let end = OpenEnd(
      node: turn.node, layer: model.parameters[layer.parameter].name, value: turn.value.tensor,
      isKnown: turn.value.weights.map { $0 > 0 }, cotangent: turn.cotangent,
      gradientScale: layer.middle.weightGradientScale)
    let whole = try OpenEndResiduals(
      self, end, inputs: inputs, gradients: gradients, of: [layer.parameter], backend: backend)
    return try minimum(of: whole, from: point, iterations: 60, shouldStop).point
  }

  private func residuals(
    _ layer: TurnedLayer, weight: Tensor, isImage: Bool
  ) throws(GraphError) -> BranchResiduals {
    try BranchResiduals(
      graph[layer.output].op, inputShape: graph[layer.input].shape,
      isInputFirst: graph[layer.output].operands[0] == layer.input, weight: weight,
      gradient: layer.gradient, layer.branches, scale: layer.middle.weightGradientScale,
      isImage: isImage, backend: backend)
  }

  /// The minimum, and its value relative to that of an input of 0.
  private func minimum(
    of residuals: ResidualSquares, from start: [Double], iterations: Int,
    stagnationWindow: Int = 8, _ shouldStop: () -> Bool
  ) throws(GraphError) -> (point: [Double], value: Double) {
    let scale = max(
      try residuals.value(at: [Double](repeating: 0, count: start.count)), .leastNormalMagnitude)
    let rule = StoppingRule(
      iterations: iterations, solvedBelow: 1e-26 * scale, stagnationWindow: stagnationWindow,
      stagnationFactor: 0.9)
    let result = try LevenbergMarquardt(algebra: backend.linearAlgebra, initialDamping: 1e-2)
      .minimizeSquares(residuals, from: start, until: rule) { _, _ in
        shouldStop() ? .stop(.interrupted) : .proceed
      }.result
    return (result.point, result.value / scale)
  }

  /// Weights of neighbours' differences in an image, one after the other.
  private static let smoothnessWeights = [1, 0.1, 0.01, 1e-3]

  /// Starts for a hidden layer's input.
  private static let trials = 4

  /// Steps of the linear solver with every open element in the middle: no more than a start.
  private static let startingSteps = 500

  /// Relative residual of a layer's equations above which the branches were not decided rightly.
  private static let agreement = 1e-4

  /// - Throws: ``AttackError`` when the equations of a layer, its branches decided, contradict each other.
  func requireAgreement(_ layer: Layer) throws(AttackError) {
    guard layer.relativeResidual > LayerPeeling.agreement else { return }
    throw AttackError(
      "an activation of \(model.name) turns, as GELU and SiLU do, and layer peeling did not find on which "
        + "side of the turn the outputs of \(layer.name) lie; use the attack auto")
  }
}
