import Clients

/// A way to read private images off a shared update.
///
/// To add one: a file with a type that conforms to this, or to ``ClosedFormAttack`` where nothing is searched,
/// and its line in ``AttackCatalog/all``. Lists, help, sweeps and threat models follow from its descriptor.
public protocol Attack: Sendable {
  /// What the attack is and what it takes.
  var descriptor: AttackDescriptor { get }

  /// Attacks, and enters what was tried into `run`: one trial at least.
  ///
  /// Facts of ``AttackDescriptor/needs`` have been granted, and the update is not zero.
  ///
  /// - Throws: ``AttackError`` of kind ``AttackError/Kind/notApplicable`` when the attack does not apply to
  ///   this model or update.
  func run(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError)
}

/// The name of an attack on the command line and in records.
public struct AttackName: RawRepresentable, Hashable, Codable, Sendable {
  /// As it is written.
  public let rawValue: String

  /// The name that is written so, which the catalogue need not know.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// The strongest that applies; see ``AutomaticAttack``.
  public static let automatic: AttackName = "auto"
  /// See ``LevenbergMarquardtAttack``.
  public static let levenbergMarquardt: AttackName = "lm"
  /// Deep Leakage from Gradients (Zhu et al. 2019).
  public static let dlg: AttackName = "dlg"
  /// DLG with the label read off first (Zhao et al. 2020).
  public static let idlg: AttackName = "idlg"
  /// See ``LinearLayerAttack``.
  public static let linear: AttackName = "linear"
  /// See ``PeelingAttack``.
  public static let peeling: AttackName = "peeling"
  /// See ``ResidualPeelingAttack``.
  public static let residualPeeling: AttackName = "residual-peeling"
  /// See ``RGapAttack``.
  public static let rGap: AttackName = "r-gap"
  /// See ``AprilAttack``.
  public static let april: AttackName = "april"
  /// See ``SpearAttack``.
  public static let spear: AttackName = "spear"
  /// See ``SpanAttack``.
  public static let span: AttackName = "span"
  /// See ``SignMatchingAttack``.
  public static let signMatching: AttackName = "sign-matching"
  /// See ``SignImageAttack``.
  public static let signImage: AttackName = "sign-image"
  /// No attack of the catalogue, but the plan of an ``AttackConfiguration``.
  public static let plan: AttackName = "plan"
}

extension AttackName: ExpressibleByStringLiteral, CustomStringConvertible {
  /// The name that is written so.
  public init(stringLiteral name: String) {
    rawValue = name
  }

  /// As it is written.
  public var description: String { rawValue }
}

/// What an attack is and what it takes: all that lists, help, records and sweeps say of it.
public struct AttackDescriptor: Sendable {
  /// On the command line and in records.
  public let name: AttackName
  /// For lists: a phrase without a full stop.
  public let summary: String
  /// Authors, year and where to find it; nil for what is gradleak's own.
  public let paper: String?
  /// What the attacker must know, besides the update. The attack is refused where that is not granted.
  public let needs: [AttackNeed]
  /// Who can run it on a gradient, by the table of Carletti et al.; nil where its parts decide.
  public let category: ThreatModel.Category?
  /// Whether it iterates from random dummy data.
  public let searches: Bool
  /// The kinds of data that it reads.
  public let data: Set<DataKindName>
  /// What records call its trials.
  public let method: AttackMethod

  /// - Parameter method: what records call its trials; nil for `name`.
  public init(
    name: AttackName, summary: String, paper: String? = nil, needs: [AttackNeed],
    category: ThreatModel.Category?, searches: Bool,
    data: Set<DataKindName> = [.pictures], method: String? = nil
  ) {
    self.name = name
    self.summary = summary
    self.paper = paper
    self.needs = needs
    self.category = category
    self.searches = searches
    self.data = data
    self.method = AttackMethod(
      name: method ?? name.rawValue, category: category ?? .eavesdropper, needs: needs)
  }
}

/// What a trial ran, as records call it, and who can run it.
public struct AttackMethod: Sendable, Equatable {
  /// In records.
  public let name: String
  /// Who can run it on a gradient.
  let category: ThreatModel.Category
  /// What the attacker must know for it.
  var needs: [AttackNeed] = []

  /// Who can run it on an update that was trained so; nil for one gradient.
  func category(after training: LocalTraining?) -> ThreatModel.Category {
    guard let training, !training.isOneStep else { return category }
    return category.afterLocalSteps(needs)
  }
}
