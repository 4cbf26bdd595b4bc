/// How a client makes a step of its gradients: its optimiser, and what is done to gradients and learning rate before.
public struct StepRule: Hashable, Sendable {
  /// What turns gradients into moves.
  public var optimizer: ClientOptimizer
  /// How the learning rate changes.
  public var schedule: LearningRateSchedule
  /// Mini-batches whose gradients make one step, each divided by their number; 1 for a step after each.
  public var accumulation: Int
  /// Largest Euclidean norm of all gradients of a step together (`torch.nn.utils.clip_grad_norm_`); nil for no limit.
  public var clipNorm: Double?
  /// Largest absolute value of a gradient's element (`torch.nn.utils.clip_grad_value_`); nil for no limit.
  public var clipValue: Double?
  /// μ of FedProx, whose clients add μ/2 ‖w - w₀‖² to their loss, w₀ being the weights that they were sent (Li et
  /// al. 2020, arXiv 1812.06127, equation 2); 0 for none.
  public var proximal: Double
  /// What the optimiser has kept from earlier rounds; nil for a fresh one.
  public var state: OptimizerState?
  /// Whether a simulated client keeps its weights in f32, so that a difference of them carries their rounding.
  public var areWeightsSingle = false

  /// Plain gradient descent, unless something else is given.
  public init(
    _ optimizer: ClientOptimizer = .plain, schedule: LearningRateSchedule = .constant,
    accumulation: Int = 1, clipNorm: Double? = nil, clipValue: Double? = nil,
    proximal: Double = 0, state: OptimizerState? = nil
  ) {
    self.optimizer = optimizer
    self.schedule = schedule
    self.accumulation = accumulation
    self.clipNorm = clipNorm
    self.clipValue = clipValue
    self.proximal = proximal
    self.state = state
  }

  /// Plain gradient descent.
  public static let plain = StepRule()

  /// - Throws: ``AttackError`` when a number is out of range, or two exclude each other.
  package func check() throws(AttackError) {
    guard accumulation >= 1 else {
      throw AttackError(
        "gradients of \(accumulation) mini-batches make no step; give a number of 1 or more",
        .badInput)
    }
    for (name, limit) in [("norm", clipNorm), ("values", clipValue)] {
      if let limit, !(limit > 0 && limit.isFinite) {
        throw AttackError(
          "gradients are clipped to \(name) of \(limit); give a number above 0", .badInput)
      }
    }
    guard clipNorm == nil || clipValue == nil else {
      throw AttackError("gradients are clipped by norm and by value; give one of both", .badInput)
    }
    guard proximal >= 0, proximal.isFinite else {
      throw AttackError(
        "the factor of the proximal term is \(proximal); give a number of 0 or more", .badInput)
    }
    guard let state else { return }
    guard state.step >= 1 else {
      throw AttackError(
        "the optimiser's state is of step \(state.step); give one of 1 step or more, or none",
        .badInput)
    }
    guard Set(state.tensors.keys) == Set(optimizer.stateNames) else {
      let names = optimizer.stateNames
      throw AttackError(
        names.isEmpty
          ? "\(optimizer) keeps no state; leave the optimiser's state out"
          : "the optimiser's state has \(state.tensors.keys.sorted().joined(separator: ", ")), and "
            + "\(optimizer) keeps \(names.sorted().joined(separator: ", "))", .badInput)
    }
  }
}

extension StepRule {
  /// Whether the first step moves by the learning rate times the gradient of one mini-batch.
  var isPlainAtFirst: Bool {
    optimizer.movesAlongGradients && accumulation == 1 && clipNorm == nil && clipValue == nil
      && schedule.factor(ofStep: 0) == 1 && state == nil && optimizer[.nesterov] == 0
  }

  /// Whether each step moves by a multiple of a sum of this round's gradients.
  package var movesAlongGradients: Bool {
    optimizer.movesAlongGradients && clipValue == nil && state == nil
  }

  /// Whether each number of the update has the sign of a sum of this round's gradients with positive factors, so
  /// that what is of one sign in all of them is so in the update.
  package var keepsSigns: Bool {
    state == nil && (optimizer.isDecayDecoupled || optimizer[.weightDecay] == 0)
  }

  /// Whether each number's move was divided by its own size, so that moves are next to signs.
  package var isAdaptive: Bool { optimizer.rule.firstDivisor(optimizer) != nil }

  /// Whether steps are the learning rate times the gradient, every one of them.
  package var isPlain: Bool {
    isPlainAtFirst && schedule == .constant && proximal == 0 && optimizer[.momentum] == 0
  }

  /// What is left of the first weights after `steps` steps that decay them by itself; 1 without such decay.
  package func keptShare(afterSteps steps: Int, learningRate: Double) -> Double {
    guard optimizer.isDecayDecoupled else { return 1 }
    return (0..<steps).reduce(1) {
      $0 * (1 - learningRate * schedule.factor(ofStep: $1) * optimizer[.weightDecay])
    }
  }
}

extension StepRule: CustomStringConvertible {
  /// What differs from plain gradient descent, for people; empty for that.
  public var description: String {
    var parts: [String] = []
    if optimizer.name != .sgd {
      parts.append(optimizer.description)
      parts.append(state.map { "after \($0.step) earlier steps" } ?? "fresh")
    } else {
      if optimizer[.momentum] > 0 {
        parts.append(
          "\(optimizer[.nesterov] == 1 ? "Nesterov " : "")momentum \(optimizer[.momentum])")
      }
      if optimizer[.weightDecay] > 0 { parts.append("weight decay \(optimizer[.weightDecay])") }
      if let state { parts.append("after \(state.step) earlier steps") }
    }
    if schedule != .constant { parts.append("schedule \(schedule)") }
    if accumulation > 1 { parts.append("gradients of \(accumulation) mini-batches a step") }
    if let clipNorm { parts.append("gradients clipped to norm \(clipNorm)") }
    if let clipValue { parts.append("gradients clipped to values of \(clipValue)") }
    if proximal > 0 { parts.append("proximal term \(proximal)") }
    return parts.joined(separator: ", ")
  }
}
