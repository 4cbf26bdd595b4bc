import Clients
import TensorGraph

/// How a client's steps are made of its gradients: its optimiser, and what is done to gradients and learning rate.
///
/// In files its members stand among those of ``ClientTraining``.
public struct StepChoice: Codable, Hashable, Sendable {
  /// Which optimiser.
  public var optimizer = ClientOptimizer.Name.sgd {
    didSet { dropUsual() }
  }
  /// What differs from the optimiser's defaults.
  private var settings: [ClientOptimizer.Setting: Double] = [:]
  /// How the learning rate changes.
  public var schedule = LearningRateSchedule.constant
  /// Mini-batches whose gradients make one step.
  public var accumulate = 1
  /// Largest norm of all gradients of a step together; nil for no limit.
  public var clipNorm: Double?
  /// Largest absolute value of a gradient's element; nil for no limit.
  public var clipValue: Double?
  /// μ of FedProx's term; 0 for none.
  public var proximal = 0.0
  /// A file of tensors with what the optimiser kept from earlier rounds; nil for a fresh one.
  public var state: String?
  /// Of a simulated client's weights, in whose differences its rounding shows; nil for f32 where the optimiser
  /// divides gradients by their own size, which f64 would tell, and else for that of the attack.
  public var weightPrecision: Precision?

  /// Plain gradient descent.
  public init() {}

  /// A setting of the optimiser; its default where none was given.
  public subscript(setting: ClientOptimizer.Setting) -> Double {
    get { settings[setting] ?? usual[setting] }
    set {
      settings[setting] = newValue
      dropUsual()
    }
  }

  private var usual: ClientOptimizer { (try? ClientOptimizer(optimizer)) ?? .plain }

  private mutating func dropUsual() {
    let usual = usual
    settings = settings.filter { $0.value != usual[$0.key] }
  }

  /// The settings that differ from the optimiser's defaults, in the order of lists.
  public var given: [(setting: ClientOptimizer.Setting, value: Double)] {
    ClientOptimizer.Setting.allCases.compactMap { setting in
      settings[setting].map { (setting, $0) }
    }
  }

  /// The rule that this states.
  ///
  /// - Parameter parameters: of the model, whose tensors the state is made of.
  /// - Throws: `AttackError` when members do not go together or numbers are out of range; `FileError` when the state
  ///   cannot be read.
  public func rule(for parameters: [ParameterSpec]) throws -> StepRule {
    var rule = try freshRule()
    rule.areWeightsSingle = weightPrecision.map { $0 == .f32 } ?? rule.isAdaptive
    if let state {
      rule.state = try OptimizerState(
        contentsOf: state, of: rule.optimizer,
        for: parameters.map { WantedTensor($0.name, $0.shape) })
    }
    return rule
  }

  /// Without what the optimiser kept.
  private func freshRule() throws(AttackError) -> StepRule {
    StepRule(
      try ClientOptimizer(optimizer, settings), schedule: schedule, accumulation: accumulate,
      clipNorm: clipNorm, clipValue: clipValue, proximal: proximal)
  }

  /// - Throws: ``ExperimentError`` when members do not go together or numbers are out of range.
  func check() throws(ExperimentError) {
    do throws(AttackError) {
      let rule = try freshRule()
      try rule.check()
      guard state == nil || !rule.optimizer.stateNames.isEmpty else {
        throw AttackError("\(rule.optimizer) keeps no state; leave its file out", .badInput)
      }
    } catch {
      throw ExperimentError("client.optimizer", "does not fit: \(error.message)")
    }
  }

  // MARK: - Files

  /// The members among those of a client.
  enum CodingKeys: String, CodingKey, CaseIterable {
    case optimizer, momentum, nesterov, weightDecay, beta1, beta2, alpha, eps, centered, amsgrad
    case schedule, accumulate, clipNorm, clipValue, proximal, optimizerState, weightPrecision
  }

  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let name: String = try container.value(.optimizer) {
      optimizer = ClientOptimizer.Name(rawValue: name)
    }
    for setting in ClientOptimizer.Setting.allCases {
      if setting.isFlag {
        if let value: Bool = try container.value(setting.key) { settings[setting] = value ? 1 : 0 }
      } else if let value: Double = try container.value(setting.key) {
        settings[setting] = value
      }
    }
    dropUsual()
    schedule = try container.value(.schedule, or: schedule)
    accumulate = try container.value(.accumulate, or: accumulate)
    clipNorm = try container.value(.clipNorm)
    clipValue = try container.value(.clipValue)
    proximal = try container.value(.proximal, or: proximal)
    state = try container.value(.optimizerState)
    weightPrecision = try container.choice(.weightPrecision)
  }

  /// Writes it into a file: what the optimiser takes, and what else differs from plain gradient descent.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    if optimizer != .sgd { try container.encode(optimizer, forKey: .optimizer) }
    for setting in (try? ClientOptimizer(optimizer))?.takenSettings ?? [] {
      if !setting.isFlag {
        try container.encode(self[setting], forKey: setting.key)
      } else if self[setting] == 1 {
        try container.encode(true, forKey: setting.key)
      }
    }
    if schedule != .constant { try container.encode(schedule, forKey: .schedule) }
    if accumulate != 1 { try container.encode(accumulate, forKey: .accumulate) }
    try container.encodeIfPresent(clipNorm, forKey: .clipNorm)
    try container.encodeIfPresent(clipValue, forKey: .clipValue)
    if proximal != 0 { try container.encode(proximal, forKey: .proximal) }
    try container.encodeIfPresent(state, forKey: .optimizerState)
    try container.encodeIfPresent(weightPrecision, forKey: .weightPrecision)
  }
}

extension ClientOptimizer.Setting {
  fileprivate var key: StepChoice.CodingKeys {
    switch self {
    case .momentum: .momentum
    case .nesterov: .nesterov
    case .weightDecay: .weightDecay
    case .beta1: .beta1
    case .beta2: .beta2
    case .alpha: .alpha
    case .epsilon: .eps
    case .centered: .centered
    case .amsgrad: .amsgrad
    }
  }
}
