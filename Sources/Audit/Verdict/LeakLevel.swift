/// How much of one private example came back.
public enum LeakLevel: String, Codable, Comparable, Sendable, CaseIterable {
  /// Neither the example nor its label.
  case nothing
  /// The label, but nothing that the example could be told from.
  case label
  /// Nothing tells: the attack was cut short or nobody knows the original, and no leak is proved.
  case undetermined
  /// The example can be recognised: an image's subject, be it transformed, from
  /// ``LeakThreshold/recognisablePSNR`` on and ``LeakThreshold/marginOverGrey`` above a grey image; half of a
  /// text's words.
  case recognisable
  /// All of it: an image at ``LeakThreshold/fullPSNR`` with the right label, every token of a text.
  case full

  /// What a measured image alone tells, whatever the attack says of itself; undetermined without an
  /// original, or without numbers. ``RunRecord/level(of:)`` knows more.
  public init(_ image: ImageResult) {
    if image.decibels.isNaN {
      self = .undetermined
    } else if image.isRecovered == true {
      self = .full
    } else if image.isRecognisable(from: LeakThreshold.recognisablePSNR) {
      self = .recognisable
    } else {
      self = image.hasRightLabel ? .label : .nothing
    }
  }

  /// What leaked less is smaller.
  public static func < (left: LeakLevel, right: LeakLevel) -> Bool {
    func place(_ level: LeakLevel) -> Int { allCases.firstIndex(of: level) ?? 0 }
    return place(left) < place(right)
  }

  /// What it counts as where leakage is counted.
  var outcome: LeakRate.Outcome {
    switch self {
    case .nothing, .label: .held
    case .undetermined: .undetermined
    case .recognisable, .full: .leaked
    }
  }

  /// For tables, such as "in full".
  public var words: String {
    switch self {
    case .nothing: "nothing"
    case .label: "label only"
    case .undetermined: "not shown"
    case .recognisable: "recognisable"
    case .full: "in full"
    }
  }
}

extension RunRecord {
  /// How much of one of ``judged`` came back, as far as this record tells. That an attack failed counts
  /// only where it ran to its end, on an update that is the model's, and the original is known.
  public func level(of example: some JudgedExample) -> LeakLevel {
    let measured = example.measuredLevel
    guard measured < .recognisable else { return measured }
    guard example.hasTruth else {
      // The attacker could judge so as well.
      switch diagnosis?.verdict {
      case .recovered: return .full
      case .recoveredUpToAmbiguity: return .recognisable
      case .stuck, .notDetermined, .doesNotFit, .carriesNothing, .cutShort, nil:
        return .undetermined
      }
    }
    return doubt == nil ? measured : .undetermined
  }

  /// Whether anything of the update leaked; undetermined where nothing did and something is.
  var outcome: LeakRate.Outcome { outcome(from: LeakThreshold.recognisablePSNR) }

  /// The same with images that leaked from another level in dB on.
  func outcome(from decibels: Double) -> LeakRate.Outcome {
    let outcomes = judged.map { example -> LeakRate.Outcome in
      guard let image = example as? ImageResult, image.hasTruth else {
        return level(of: example).outcome
      }
      if image.isRecognisable(from: decibels) { return .leaked }
      return doubt != nil || image.decibels.isNaN ? .undetermined : .held
    }
    if outcomes.contains(.leaked) { return .leaked }
    return outcomes.contains(.undetermined) ? .undetermined : .held
  }

  /// Why this record's failure to bring data back says nothing about them.
  public enum Doubt: Sendable, CaseIterable {
    /// A limit of time or iterations, or the user, ended the attack.
    case cutShort
    /// The update cannot be this model's as described.
    case misfit
    /// The update is zero, whatever the data are.
    case emptyUpdate
    /// The attack found the only batch with this update, and it is not the truth that was given.
    case otherTruth
  }

  /// Nil where the attack may be judged by what it brought back.
  public var doubt: Doubt? {
    if let misfit { return misfit.kind == .truth ? .otherTruth : .misfit }
    if truthCheck?.fits == false { return .otherTruth }
    switch diagnosis?.verdict {
    case .doesNotFit: return .misfit
    case .carriesNothing: return .emptyUpdate
    case .cutShort: return .cutShort
    // A closed form's certainty holds for the update as it was computed, not for a defended one.
    case .recovered where (defence?.chain ?? .none).isEmpty: return .otherTruth
    case .recovered, .recoveredUpToAmbiguity, .stuck, .notDetermined, nil: break
    }
    return wasCutShort ? .cutShort : nil
  }

  /// Whether an attack was ended before it was done, by time, the user, or a limit of a few iterations.
  var wasCutShort: Bool {
    trials.contains { trial in
      switch trial.reason {
      case .timeLimit, .interrupted: true
      case .iterationLimit:
        configuration.iterations < DataKinds.descriptor(kind).leastIterations
          && trial.iterations >= configuration.iterations
      case .solved, .converged, .stagnated, .diverged, .goalReached: false
      }
    }
  }

  /// What makes observations depend on each other: the update, and the same example on the same weights.
  var ties: [String] { judged.flatMap { ties(of: $0) } + [updateTie] }

  private var updateTie: String { "update \(update.fingerprint) \(model.fingerprint)" }

  /// The ties of one of ``judged``.
  func ties(of example: some JudgedExample) -> [String] {
    guard example.hasTruth else { return [updateTie] }
    return [updateTie, "example \(example.fingerprint ?? example.name) \(model.fingerprint)"]
  }
}
