/// `torch.optim.SGD` without dampening.
struct GradientDescentRule: OptimizerRule {
  let name = ClientOptimizer.Name.sgd
  let title = "SGD"
  let defaults: [ClientOptimizer.Setting: Double] = [.momentum: 0, .weightDecay: 0, .nesterov: 0]
  let movesAlongGradients = true

  func stateNames(_ settings: ClientOptimizer) -> [String] {
    settings[.momentum] == 0 ? [] : ["momentum_buffer"]
  }

  func move<Numbers: OptimizerNumbers>(
    _ weights: Numbers, gradient: Numbers, state: inout [String: Numbers], step: Int,
    width: Numbers?, _ settings: ClientOptimizer
  ) -> Numbers {
    let gradient = penalized(gradient, weights, settings)
    let momentum = settings[.momentum]
    guard momentum != 0 else { return gradient }
    let velocity = state["momentum_buffer"].map { $0 * momentum + gradient } ?? gradient
    state["momentum_buffer"] = velocity
    return settings[.nesterov] == 1 ? velocity * momentum + gradient : velocity
  }
}
