import Clients

/// A fact that an attack needs, and when it does.
public struct AttackNeed: Hashable, Sendable {
  /// What an update or model must be like for the fact to be needed.
  public enum Condition: String, Sendable, CaseIterable {
    case always
    case localSteps = "after several local steps"
    case clientSteps = "after several local steps of several clients"
    case epochs = "after several epochs of several mini-batches"
    case evaluatedBatchNorm = "with batch norm in evaluation mode"
  }

  /// What must be known.
  public let fact: ThreatModel.Fact
  /// When it must be.
  public let condition: Condition

  /// The need of a fact, always by default.
  public init(_ fact: ThreatModel.Fact, _ condition: Condition = .always) {
    self.fact = fact
    self.condition = condition
  }

  /// What computing a gradient takes.
  public static let gradient = [
    AttackNeed(.architecture), AttackNeed(.weights), AttackNeed(.lossFunction),
    AttackNeed(.batchSize), AttackNeed(.batchNormStatistics, .evaluatedBatchNorm),
  ]

  /// What following a client's own steps takes.
  public static let localSteps = [
    AttackNeed(.localTraining, .localSteps), AttackNeed(.clients, .clientSteps),
    AttackNeed(.miniBatchOrder, .epochs),
  ]

  /// For people, such as "architecture, weights; after several local steps: local training".
  public static func description(of needs: [AttackNeed]) -> String {
    Condition.allCases.compactMap { condition in
      let facts = needs.filter { $0.condition == condition }.map(\.fact.rawValue)
      guard !facts.isEmpty else { return nil }
      return (condition == .always ? "" : "\(condition.rawValue): ")
        + facts.joined(separator: ", ")
    }.joined(separator: "; ")
  }
}

extension ThreatModel.Category {
  /// Who can run an attack of this category after several local steps: one whose needs name local training
  /// takes someone who knows it.
  public func afterLocalSteps(_ needs: [AttackNeed]) -> ThreatModel.Category {
    needs.contains(AttackNeed(.localTraining, .localSteps))
      ? max(self, .parameterAwareEavesdropper) : self
  }
}

/// An attack that was left out, since it needs what the attacker does not know.
public struct SkippedAttack: Codable, Sendable, Equatable {
  /// Its name.
  public let attack: String
  /// What it would have needed.
  public let fact: ThreatModel.Fact

  package init(attack: String, fact: ThreatModel.Fact) {
    self.attack = attack
    self.fact = fact
  }
}

extension AttackProblem {
  /// The first fact that is needed here and not granted.
  func missingFact(_ needs: [AttackNeed]) -> ThreatModel.Fact? {
    let normalizes = mode == .evaluation && weighted.model.batchNormCount > 0
    return AttackNeed.missing(
      needs, of: unknown, training: sharedTraining, readsStatistics: normalizes)
  }

  /// What the attacker is not granted.
  private var unknown: Set<ThreatModel.Fact> {
    var unknown = Set(configuration.unknown ?? [])
    if sharedTraining?.isOrderKnown == false { unknown.insert(.miniBatchOrder) }
    return unknown
  }

  /// - Throws: ``AttackError`` when the attack needs what the attacker does not know, with what does
  ///   without.
  func requireFacts(_ needs: [AttackNeed], for attack: String) throws(AttackError) {
    if let fact = missingFact(needs) { throw missingFactError(fact, for: attack) }
  }

  func missingFactError(_ fact: ThreatModel.Fact, for attack: String) -> AttackError {
    AttackError(missing: fact, for: attack)
  }
}

extension AttackNeed {
  /// The first fact that is needed and not granted.
  ///
  /// - Parameters:
  ///   - unknown: what is not granted.
  ///   - training: the clients' local steps; nil for one gradient.
  ///   - readsStatistics: whether the client's model used its running statistics.
  package static func missing(
    _ needs: [AttackNeed], of unknown: Set<ThreatModel.Fact>, training: LocalTraining?,
    readsStatistics: Bool = false
  ) -> ThreatModel.Fact? {
    func holds(_ condition: Condition) -> Bool {
      switch condition {
      case .always: true
      case .localSteps: training?.isOneStep == false
      case .clientSteps: (training?.clients.count ?? 1) > 1
      case .epochs: training?.dependsOnOrder == true
      case .evaluatedBatchNorm: readsStatistics
      }
    }
    return needs.first { unknown.contains($0.fact) && holds($0.condition) }?.fact
  }
}

extension AttackError {
  /// An attack needs what the attacker does not know.
  package init(missing fact: ThreatModel.Fact, for attack: String) {
    self.init(
      "\(attack) needs to know the \(fact.rawValue), which this attacker does not; \(fact.remedy)")
  }
}

extension ThreatModel.Fact {
  /// What to do without it.
  fileprivate var remedy: String {
    switch self {
    case .architecture, .batchSize:
      "every attack does, so grant it"
    case .weights, .lossFunction:
      "use the attack linear, where the model begins with a fully connected layer, or grant it"
    case .labels: "use labels=recovered or labels=joint, or grant them"
    case .localTraining, .clients:
      "use the attack linear, where a single example went through a fully connected first layer, or "
        + "grant it"
    case .miniBatchOrder:
      "use the attack \(AttackPresets.dataLeakageInFedAvg.plan.name), which seeks each epoch's examples apart, or "
        + "grant it"
    case .batchNormStatistics:
      "in training mode use an attack without prior.batchNorm, or grant them"
    case .similarImage: "use another initialization.kind, or grant it"
    case .tokenizer: "without it tokens are numbers that stand for no words, so grant it"
    case .textLengths: "use the attack dager, or grant them"
    case .languageModel: "use the attack without a prior, or grant it"
    }
  }
}
