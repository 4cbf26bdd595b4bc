/// How much of one private image came back.
public enum LeakLevel: Int, Comparable, Sendable, CaseIterable {
  /// Neither the image nor its label.
  case nothing
  /// The label, but no image that its subject could be told from.
  case label
  /// Nothing tells: the attack was cut short or nobody knows the original, and no leak is proved.
  case undetermined
  /// The image's subject can be told, be it transformed: PSNR of at least ``SweepReport/defaultLeakedPSNR``, and
  /// ``marginOverGrey`` above a grey image.
  case recognisable
  /// PSNR of at least ``ImageResult/successPSNR`` and the right label.
  case full

  /// dB by which a recognisable image beats a grey one, since dull pictures look like one.
  public static let marginOverGrey = 3.0

  /// What a measured image alone tells, whatever the attack says of itself; undetermined without an
  /// original, or without numbers. ``RunRecord/level(of:)`` knows more.
  public init(_ image: ImageResult) {
    if image.decibels.isNaN {
      self = .undetermined
    } else if image.isRecovered == true {
      self = .full
    } else if image.isRecognisable(from: SweepReport.defaultLeakedPSNR) {
      self = .recognisable
    } else {
      self = image.hasRightLabel ? .label : .nothing
    }
  }

  public static func < (left: LeakLevel, right: LeakLevel) -> Bool {
    left.rawValue < right.rawValue
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
  /// How much of one of ``images`` came back, as far as this record tells. That an attack failed counts
  /// only where it ran to its end, on an update that is the model's, and the original is known.
  public func level(of image: ImageResult) -> LeakLevel {
    let measured = LeakLevel(image)
    guard measured < .recognisable else { return measured }
    guard image.hasTruth else {
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

  /// Whether any image of the update leaked; undetermined where none did and one is.
  var outcome: LeakRate.Outcome { outcome(from: SweepReport.defaultLeakedPSNR) }

  /// The same with images that leaked from another level in dB on.
  func outcome(from decibels: Double) -> LeakRate.Outcome {
    let outcomes = images.map { image -> LeakRate.Outcome in
      guard image.hasTruth else { return level(of: image).outcome }
      if image.isRecognisable(from: decibels) { return .leaked }
      return doubt != nil || image.decibels.isNaN ? .undetermined : .held
    }
    if outcomes.contains(.leaked) { return .leaked }
    return outcomes.contains(.undetermined) ? .undetermined : .held
  }

  /// Why this record's failure to bring images back says nothing about them.
  public enum Doubt: Sendable, CaseIterable {
    /// A limit of time or iterations, or the user, ended the attack.
    case cutShort
    /// The update cannot be this model's as described.
    case misfit
    /// The update is zero, whatever the images are.
    case emptyUpdate
    /// The attack found the only batch with this update, and it is not the picture that was given.
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

  /// Iterations from which on a search that its own limit ended counts as run: as many as Zhu et al. 2019
  /// (arXiv 1906.08935, section 4.1) use on images.
  static let leastIterations = 300

  /// Whether an attack was ended before it was done, by time, the user, or a limit of a few iterations.
  var wasCutShort: Bool {
    trials.contains { trial in
      switch trial.reason {
      case .timeLimit, .interrupted: true
      case .iterationLimit:
        configuration.iterations < RunRecord.leastIterations
          && trial.iterations >= configuration.iterations
      case .solved, .converged, .stagnated, .diverged, .goalReached: false
      }
    }
  }

  /// What makes observations depend on each other: the update, and the same image on the same weights.
  var ties: [String] { images.flatMap { ties(of: $0) } + [updateTie] }

  private var updateTie: String { "update \(update.fingerprint) \(model.fingerprint)" }

  /// The ties of one of ``images``.
  func ties(of image: ImageResult) -> [String] {
    guard image.hasTruth else { return [updateTie] }
    return [updateTie, "image \(image.fingerprint ?? image.name) \(model.fingerprint)"]
  }
}
