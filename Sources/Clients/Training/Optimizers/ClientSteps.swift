/// A client on its way: its weights after the steps so far, and what its optimiser keeps.
package struct ClientSteps<Numbers: OptimizerNumbers> {
  private let rule: StepRule
  private let learningRate: Double
  private let start: [Numbers]
  private let width: Numbers?
  private var states: [[String: Numbers]]
  private var moves: [Numbers] = []
  private var count = 0
  /// As the latest step left them. May be set to what rounding made of them.
  package var weights: [Numbers]

  /// - Parameters:
  ///   - weights: one for each parameter.
  ///   - states: for each parameter what the optimiser keeps of it, by its names; empty for a fresh one.
  ///   - width: see ``DivisorFloor``; nil for the optimiser as it is.
  package init(
    _ training: LocalTraining, from weights: [Numbers], states: [[String: Numbers]] = [],
    width: Numbers? = nil
  ) {
    self.width = width
    rule = training.rule
    learningRate = training.learningRate
    start = weights
    self.weights = weights
    self.states =
      states.isEmpty ? [[String: Numbers]](repeating: [:], count: weights.count) : states
  }

  /// Makes a step.
  ///
  /// - Parameter batches: the gradients of each mini-batch whose sum it is made of, divided by their number; those
  ///   of an L2 penalty or proximal term not among them.
  package mutating func step(_ batches: [[Numbers]]) {
    let gradients = clipped(drawnBack(mean(of: batches)))
    let rate = learningRate * rule.schedule.factor(ofStep: count)
    let decay = rule.optimizer.isDecayDecoupled ? 1 - rate * rule.optimizer[.weightDecay] : 1
    count += 1
    let step = (rule.state?.step ?? 0) + count
    moves = []
    for index in weights.indices {
      let move = rule.optimizer.rule.move(
        weights[index], gradient: gradients[index], state: &states[index], step: step,
        width: width, rule.optimizer)
      moves.append(move)
      weights[index] = (decay == 1 ? weights[index] : weights[index] * decay) - move * rate
    }
  }

  /// (Weights before, without what decoupled decay took off them, - weights after) / learning rate.
  package var update: [Numbers] {
    // With one step the difference would only add rounding to the move.
    if count == 1 {
      let factor = rule.schedule.factor(ofStep: 0)
      return factor == 1 ? moves : moves.map { $0 * factor }
    }
    let kept = rule.keptShare(afterSteps: count, learningRate: learningRate)
    return zip(start, weights).map {
      ((kept == 1 ? $0 : $0 * kept) - $1) / learningRate
    }
  }

  private func mean(of batches: [[Numbers]]) -> [Numbers] {
    guard batches.count > 1 else { return batches[0] }
    let share = 1 / Double(batches.count)
    return batches[0].indices.map { index in
      batches.dropFirst().reduce(batches[0][index] * share) { $0 + $1[index] * share }
    }
  }

  /// With FedProx's term.
  private func drawnBack(_ gradients: [Numbers]) -> [Numbers] {
    // At the first step the weights are those that were sent.
    guard rule.proximal > 0, count > 0 else { return gradients }
    return gradients.indices.map { gradients[$0] + (weights[$0] - start[$0]) * rule.proximal }
  }

  private func clipped(_ gradients: [Numbers]) -> [Numbers] {
    if let limit = rule.clipValue {
      return gradients.map { ($0.minimum(limit)).maximum(-limit) }
    }
    guard let limit = rule.clipNorm, let first = gradients.first else { return gradients }
    let squares = gradients.dropFirst().reduce(first.sumOfSquares()) { $0 + $1.sumOfSquares() }
    // PyTorch adds 1e-6 to the norm.
    let factor = (limit / (squares.root(beside: 1e-6) + 1e-6)).minimum(1)
    return gradients.map { $0 * factor }
  }
}
