/// One optimiser's rule.
///
/// To add one: a file with a type that conforms to this, a name in ``ClientOptimizer/Name``, and its line in
/// ``OptimizerCatalog/all``. Options, records and messages follow.
protocol OptimizerRule: Sendable {
  var name: ClientOptimizer.Name { get }
  /// For people.
  var title: String { get }
  /// The settings that it takes, with PyTorch's defaults.
  var defaults: [ClientOptimizer.Setting: Double] { get }
  /// Whether weight decay is taken off the weights instead of being added to the gradient.
  var decouplesDecay: Bool { get }
  /// Whether its moves are sums of the gradients and multiples of the weights.
  var movesAlongGradients: Bool { get }
  /// Whether its moves depend on the number of steps before.
  var countsSteps: Bool { get }
  /// Of the tensors that it keeps for each parameter.
  func stateNames(_ settings: ClientOptimizer) -> [String]

  /// What the step's learning rate is multiplied with and the weights are lowered by.
  ///
  /// - Parameters:
  ///   - gradient: of the parameter, clipped.
  ///   - state: by ``stateNames(_:)``; empty at a fresh optimiser's first step. Left as the next step needs it.
  ///   - step: counts from 1 over all of the optimiser's life.
  ///   - width: see ``DivisorFloor``; nil for the optimiser as it is.
  func move<Numbers: OptimizerNumbers>(
    _ weights: Numbers, gradient: Numbers, state: inout [String: Numbers], step: Int,
    width: Numbers?, _ settings: ClientOptimizer
  ) -> Numbers

  /// κ, where a fresh optimiser's first move is h / (κ |h| + ε), h being the gradient with its penalty; nil where it
  /// is not.
  func firstDivisor(_ settings: ClientOptimizer) -> Double?
}

extension OptimizerRule {
  var decouplesDecay: Bool { false }
  var movesAlongGradients: Bool { false }
  var countsSteps: Bool { false }
  func firstDivisor(_ settings: ClientOptimizer) -> Double? { nil }

  /// The gradient of loss and L2 penalty.
  func penalized<Numbers: OptimizerNumbers>(
    _ gradient: Numbers, _ weights: Numbers, _ settings: ClientOptimizer
  ) -> Numbers {
    let decay = decouplesDecay ? 0 : settings[.weightDecay]
    return decay == 0 ? gradient : gradient + weights * decay
  }
}

/// Every optimiser that clients may use. To add one is to add its line.
public enum OptimizerCatalog {
  static let all: [any OptimizerRule] = [
    GradientDescentRule(), AdamRule(), AdamRule(decouplesDecay: true), RMSPropRule(),
  ]

  /// In the order of lists.
  public static var names: [ClientOptimizer.Name] { all.map(\.name) }
}
