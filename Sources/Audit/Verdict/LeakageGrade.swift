/// One letter for what came back of a set of private examples, from A (nothing, and a bound on all attacks)
/// to F (most examples in full), or none where nothing tells. docs/guides/reading-results.md defines them for users.
///
/// All but A say what these attacks reached under their threat model, and prove nothing about others.
public enum LeakageGrade: String, Codable, Sendable, CaseIterable, Comparable {
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case A, B, C, D, E, F
  /// No leak was found, and for some of the images nothing tells that there is none.
  case notShown = "not shown"

  /// Independent units that must have been tried before none of them leaking is called an A, besides a bound: from
  /// 16 on, Wilson's interval of the rate ends below 20 %.
  public static let unitsForA = 16

  /// - Parameters:
  ///   - full: examples that came back in full.
  ///   - recognisable: examples that can at least be recognised.
  ///   - labels: how many of the known labels are right.
  ///   - classCount: number of labels to choose from; 0 when not known.
  ///   - isBounded: whether a guarantee bounds every attack (``GuaranteedBound/isEnough``).
  ///   - guessedLabels: share of labels that are the most frequent one, where that is more than one in `classCount`.
  public init(
    full: LeakRate, recognisable: LeakRate, labels: SuccessRate, classCount: Int, isBounded: Bool,
    guessedLabels: Double = 0
  ) {
    // Of what is determined; the rest may have leaked as well.
    let decided = recognisable.count - recognisable.undetermined
    let chance = max(1 / Double(max(classCount, 1)), guessedLabels)
    if full.leaked > 0 {
      self = 2 * full.leaked >= decided ? .F : .E
    } else if recognisable.leaked > 0 {
      self = 2 * recognisable.leaked >= decided ? .D : .C
    } else if recognisable.undetermined > 0 || recognisable.count == 0 {
      self = .notShown
    } else if !isBounded || labels.interval.lowerBound > chance
      || recognisable.units.count < LeakageGrade.unitsForA
    {
      self = .B
    } else {
      self = .A
    }
  }

  /// The better grade is the smaller.
  public static func < (left: LeakageGrade, right: LeakageGrade) -> Bool {
    func place(_ grade: LeakageGrade) -> Int { allCases.firstIndex(of: grade) ?? allCases.count }
    return place(left) < place(right)
  }

  /// "Grade C", or "No grade".
  public var title: String { self == .notShown ? "No grade" : "Grade \(rawValue)" }

  /// What the letter means, without a full stop.
  ///
  /// - Parameter kind: the data that leaked.
  public func definition(_ kind: DataKindDescriptor) -> String {
    switch self {
    case .A:
      "attacks that ran to their end made no \(kind.singular) recognisable, and guessed labels no better than by "
        + "chance (at least \(LeakageGrade.unitsForA) independent updates); and noise bounds every other attack: nobody "
        + "picks the right one of \(GuaranteedBound.candidates) candidates in more than 20 % of tries"
    case .B:
      "attacks that ran to their end made no \(kind.singular) recognisable, but nothing bounds better ones, or labels "
        + "leak, or too few independent updates were tried to tell"
    case .C: "fewer than half of the \(kind.plural) can be recognised, none came back in full"
    case .D: "at least half of the \(kind.plural) can be recognised, none came back in full"
    case .E: "fewer than half of the \(kind.plural) came back in full, but some did"
    case .F: "at least half of the \(kind.plural) came back in full"
    case .notShown:
      "no leak was found, but attacks were cut short, the originals are not known, or the update is not "
        + "the model's: nothing is shown either way"
    }
  }

  /// The same in two or three words.
  public func headline(_ kind: DataKindDescriptor) -> String {
    switch self {
    case .A: "No leak found, and a bound on every attack"
    case .B: "No \(kind.singular) found by these attacks"
    case .C: "Some \(kind.plural) recognisable"
    case .D: "Most \(kind.plural) recognisable"
    case .E: "Some \(kind.plural) in full"
    case .F: "\(kind.plural.prefix(1).uppercased())\(kind.plural.dropFirst()) come back in full"
    case .notShown: "Not shown to be safe or unsafe"
    }
  }
}

/// What a verdict rests on.
public enum EvidenceClass: String, Codable, Sendable, CaseIterable {
  /// The update alone proves a leak: the batch found is the only one near it that has this update.
  case proved
  /// An attack brought back what is known to be private.
  case attackSucceeded = "attack succeeded"
  /// Attacks ran to their end without, and a guarantee bounds every other one.
  case bounded = "attack failed, bound says"
  /// Attacks ran to their end without; nothing bounds better ones.
  case attackFailed = "attack failed, no bound"
  /// Nothing: attacks were cut short, or there is nothing to judge them by.
  case notShown = "not shown"
}
