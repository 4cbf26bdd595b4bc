/// How a client's optimiser turns gradients into steps: its name and its settings, as PyTorch has them.
public struct ClientOptimizer: Hashable, Sendable {
  /// The name of an optimiser on the command line and in records.
  public struct Name: RawRepresentable, Hashable, Sendable, Codable {
    /// As it is written.
    public let rawValue: String

    /// The name that is written so, which the catalogue need not know.
    public init(rawValue: String) {
      self.rawValue = rawValue
    }

    /// Stochastic gradient descent, `torch.optim.SGD`.
    public static let sgd = Name(rawValue: "sgd")
    /// `torch.optim.Adam` (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1).
    public static let adam = Name(rawValue: "adam")
    /// `torch.optim.AdamW` (Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2).
    public static let adamW = Name(rawValue: "adamw")
    /// `torch.optim.RMSprop`.
    public static let rmsProp = Name(rawValue: "rmsprop")
  }

  /// A number that an optimiser is set by.
  public enum Setting: String, CaseIterable, Hashable, Sendable {
    /// Share of the last move in the next, 0 ..< 1.
    case momentum
    /// 1 for Nesterov's form of momentum.
    case nesterov
    /// λ: the L2 penalty's factor; of AdamW the decay for each unit of the learning rate.
    case weightDecay = "weight decay"
    /// β₁: how long gradients are averaged, 0 ..< 1.
    case beta1
    /// β₂: how long their squares are averaged, 0 ..< 1.
    case beta2
    /// α of RMSprop: how long squares are averaged, 0 ..< 1.
    case alpha
    /// ε: added to the root of the averaged squares, above 0.
    case epsilon = "eps"
    /// 1 for RMSprop by the variance of gradients rather than their squares.
    case centered
    /// 1 for the largest average of squares so far in place of the average (Reddi et al. 2018).
    case amsgrad

    /// Whether it is 0 or 1, for no and yes.
    public var isFlag: Bool {
      switch self {
      case .nesterov, .centered, .amsgrad: true
      case .momentum, .weightDecay, .beta1, .beta2, .alpha, .epsilon: false
      }
    }

    /// What it may be.
    var isValid: (Double) -> Bool {
      switch self {
      case .momentum, .beta1, .beta2, .alpha: { (0..<1).contains($0) }
      case .weightDecay: { $0 >= 0 && $0.isFinite }
      case .epsilon: { $0 > 0 && $0.isFinite }
      case .nesterov, .centered, .amsgrad: { $0 == 0 || $0 == 1 }
      }
    }

    /// What it may be, in words.
    var rangeWords: String {
      switch self {
      case .momentum, .beta1, .beta2, .alpha: "a number from 0 to below 1"
      case .weightDecay: "a number of 0 or more"
      case .epsilon: "a number above 0"
      case .nesterov, .centered, .amsgrad: "0 or 1"
      }
    }
  }

  /// Which optimiser.
  public let name: Name
  /// All that it takes, with the defaults of what was not given.
  private let values: [Setting: Double]
  let rule: any OptimizerRule

  /// - Parameter settings: what differs from PyTorch's defaults.
  /// - Throws: ``AttackError`` when there is no such optimiser, it does not take a setting, or a number is out
  ///   of range.
  public init(_ name: Name, _ settings: [Setting: Double] = [:]) throws(AttackError) {
    guard let rule = OptimizerCatalog.all.first(where: { $0.name == name }) else {
      let names = OptimizerCatalog.names.map(\.rawValue)
      let hint = nearestSpelling(to: name.rawValue, in: names).map { "did you mean \($0)? The" }
      throw AttackError(
        "there is no optimiser called \"\(name.rawValue.prefix(40))\"; \(hint ?? "the") optimisers are "
          + names.joined(separator: ", "), .badInput)
    }
    for (setting, value) in settings.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      guard rule.defaults[setting] != nil else {
        let takers = OptimizerCatalog.all.filter { $0.defaults[setting] != nil }
          .map(\.name.rawValue)
        throw AttackError(
          "\(setting.rawValue) is a setting of \(takers.joined(separator: " and ")), and the client's "
            + "optimiser is \(name.rawValue); leave one of both out", .badInput)
      }
      guard setting.isValid(value) else {
        throw AttackError(
          "the client's \(setting.rawValue) is \(value); give \(setting.rangeWords)", .badInput)
      }
    }
    self.init(rule, settings)
    guard self[.nesterov] == 0 || self[.momentum] > 0 else {
      throw AttackError("nesterov is a form of momentum, and there is none; give one", .badInput)
    }
  }

  private init(_ rule: any OptimizerRule, _ settings: [Setting: Double]) {
    self.rule = rule
    name = rule.name
    values = rule.defaults.merging(settings) { $1 }
  }

  /// Plain gradient descent.
  public static let plain = ClientOptimizer(GradientDescentRule(), [:])

  /// Gradient descent with momentum, 0 ..< 1, and the factor of an L2 penalty.
  ///
  /// - Throws: ``AttackError`` when a number is out of range.
  public static func sgd(
    momentum: Double = 0, weightDecay: Double = 0
  ) throws(AttackError) -> ClientOptimizer {
    try ClientOptimizer(.sgd, [.momentum: momentum, .weightDecay: weightDecay])
  }

  /// A setting; 0 where the optimiser does not take it.
  public subscript(setting: Setting) -> Double { values[setting] ?? 0 }

  /// Equal in name and settings.
  public static func == (left: ClientOptimizer, right: ClientOptimizer) -> Bool {
    left.name == right.name && left.values == right.values
  }

  /// Of name and settings.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(values)
  }
}

extension ClientOptimizer {
  /// Whether weights decay apart from their gradients, as AdamW's do.
  public var isDecayDecoupled: Bool { rule.decouplesDecay && self[.weightDecay] > 0 }

  /// Whether its moves depend on how many steps it has taken.
  var countsSteps: Bool { rule.countsSteps }

  /// Whether every move is a sum of gradients, so that what all gradients have in common all updates have.
  public var movesAlongGradients: Bool { rule.movesAlongGradients && self[.weightDecay] == 0 }

  /// The settings that it takes, in the order of lists.
  public var takenSettings: [Setting] { Setting.allCases.filter { values[$0] != nil } }

  /// Names of the tensors that it keeps for each parameter from step to step, as PyTorch's state has them.
  public var stateNames: [String] { rule.stateNames(self) }
}

extension ClientOptimizer: CustomStringConvertible {
  /// For people and records, such as "Adam with beta2 0.99"; of plain gradient descent "SGD".
  public var description: String {
    let given = Setting.allCases.compactMap { setting -> String? in
      guard let value = values[setting], value != rule.defaults[setting] else { return nil }
      return setting.isFlag ? setting.rawValue : "\(setting.rawValue) \(value)"
    }
    return given.isEmpty ? rule.title : "\(rule.title) with \(given.joined(separator: ", "))"
  }
}
