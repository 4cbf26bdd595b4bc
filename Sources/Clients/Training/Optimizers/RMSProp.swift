/// `torch.optim.RMSprop`: g / (√v + ε), v being the average of the gradients' squares, which begins at 0.
struct RMSPropRule: OptimizerRule {
  let name = ClientOptimizer.Name.rmsProp
  let title = "RMSprop"
  let defaults: [ClientOptimizer.Setting: Double] = [
    .alpha: 0.99, .epsilon: 1e-8, .weightDecay: 0, .momentum: 0, .centered: 0,
  ]

  func stateNames(_ settings: ClientOptimizer) -> [String] {
    ["square_avg"] + (settings[.momentum] > 0 ? ["momentum_buffer"] : [])
      + (settings[.centered] == 1 ? ["grad_avg"] : [])
  }

  func move<Numbers: OptimizerNumbers>(
    _ weights: Numbers, gradient: Numbers, state: inout [String: Numbers], step: Int,
    width: Numbers?, _ settings: ClientOptimizer
  ) -> Numbers {
    let gradient = penalized(gradient, weights, settings)
    let floor = DivisorFloor(epsilon: settings[.epsilon], width: width)
    let direction = gradient / floor.added(to: divisor(gradient, &state, settings), gradient)
    let momentum = settings[.momentum]
    guard momentum > 0 else { return direction }
    let velocity = state["momentum_buffer"].map { $0 * momentum + direction } ?? direction
    state["momentum_buffer"] = velocity
    return velocity
  }

  private func divisor<Numbers: OptimizerNumbers>(
    _ gradient: Numbers, _ state: inout [String: Numbers], _ settings: ClientOptimizer
  ) -> Numbers {
    let (alpha, isCentered) = (settings[.alpha], settings[.centered] == 1)
    let (newSquare, newMean) = (gradient * gradient * (1 - alpha), gradient * (1 - alpha))
    guard let square = state["square_avg"] else {
      state["square_avg"] = newSquare
      if isCentered { state["grad_avg"] = newMean }
      // The root of one square is a size, which has a derivative on both sides of 0.
      return gradient.absolute() * firstRoot(settings)
    }
    var average = square * alpha + newSquare
    state["square_avg"] = average
    if isCentered {
      let mean = state["grad_avg"].map { $0 * alpha + newMean } ?? newMean
      state["grad_avg"] = mean
      average = average - mean * mean
    }
    return average.root(beside: settings[.epsilon])
  }

  func firstDivisor(_ settings: ClientOptimizer) -> Double? { firstRoot(settings) }

  /// √v / |g| at a fresh optimiser's first step.
  private func firstRoot(_ settings: ClientOptimizer) -> Double {
    let alpha = settings[.alpha]
    return ((1 - alpha) * (settings[.centered] == 1 ? alpha : 1)).squareRoot()
  }
}
