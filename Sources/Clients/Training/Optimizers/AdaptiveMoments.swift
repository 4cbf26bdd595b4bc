#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `torch.optim.Adam`, and with decoupled decay `torch.optim.AdamW`: m̂ / (√v̂ + ε), m̂ and v̂ being the averages of
/// gradients and of their squares without the bias of their beginning at 0.
struct AdamRule: OptimizerRule {
  let decouplesDecay: Bool
  let countsSteps = true
  let defaults: [ClientOptimizer.Setting: Double]

  init(decouplesDecay: Bool = false) {
    self.decouplesDecay = decouplesDecay
    defaults = [
      .beta1: 0.9, .beta2: 0.999, .epsilon: 1e-8, .weightDecay: decouplesDecay ? 0.01 : 0,
      .amsgrad: 0,
    ]
  }

  var name: ClientOptimizer.Name { decouplesDecay ? .adamW : .adam }
  var title: String { decouplesDecay ? "AdamW" : "Adam" }

  func stateNames(_ settings: ClientOptimizer) -> [String] {
    ["exp_avg", "exp_avg_sq"] + (settings[.amsgrad] == 1 ? ["max_exp_avg_sq"] : [])
  }

  func move<Numbers: OptimizerNumbers>(
    _ weights: Numbers, gradient: Numbers, state: inout [String: Numbers], step: Int,
    width: Numbers?, _ settings: ClientOptimizer
  ) -> Numbers {
    let gradient = penalized(gradient, weights, settings)
    let (beta1, beta2, epsilon) = (settings[.beta1], settings[.beta2], settings[.epsilon])
    let floor = DivisorFloor(epsilon: epsilon, width: width)
    let (newMean, newSquare) = (gradient * (1 - beta1), gradient * gradient * (1 - beta2))
    guard let mean = state["exp_avg"], let square = state["exp_avg_sq"] else {
      (state["exp_avg"], state["exp_avg_sq"]) = (newMean, newSquare)
      if settings[.amsgrad] == 1 { state["max_exp_avg_sq"] = newSquare }
      // Without their bias the averages are the gradient and its square, and the root of that is its size,
      // which has a derivative on both sides of 0.
      return gradient / floor.added(to: gradient.absolute(), gradient)
    }
    let (first, second) = (mean * beta1 + newMean, square * beta2 + newSquare)
    (state["exp_avg"], state["exp_avg_sq"]) = (first, second)
    var largest = second
    if settings[.amsgrad] == 1 {
      largest = state["max_exp_avg_sq"].map { $0.maximum(second) } ?? second
      state["max_exp_avg_sq"] = largest
    }
    let unbiased = largest * (1 / (1 - pow(beta2, Double(step))))
    return first * (1 / (1 - pow(beta1, Double(step))))
      / floor.added(to: unbiased.root(beside: epsilon), gradient)
  }

  func firstDivisor(_ settings: ClientOptimizer) -> Double? { 1 }
}
