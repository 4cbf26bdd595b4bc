import Foundation
import Privacy

/// What was found out about the privacy of clients, beside attacks on their updates.
public struct PrivacyRecords: Sendable {
  /// What their settings guarantee.
  var claims: [PrivacyClaimRecord] = []
  /// What their filters were seen to do.
  var mechanisms: [MechanismRecord] = []
  /// Who was told to be in their batches.
  var memberships: [MembershipRecord] = []
  /// Which properties their batches were asked for.
  var properties: [PropertyRecord] = []

  /// Nothing yet.
  public init() {}

  var isEmpty: Bool {
    claims.isEmpty && mechanisms.isEmpty && memberships.isEmpty && properties.isEmpty
  }

  static func += (left: inout PrivacyRecords, right: PrivacyRecords) {
    left.claims += right.claims
    left.mechanisms += right.mechanisms
    left.memberships += right.memberships
    left.properties += right.properties
  }
}

/// What is known of one round's ε from all sides: bounds of every attack from above, what audits and attacks prove from below,
/// and estimates, which prove nothing.
public struct PrivacyEvidence: Sendable {
  /// One thing that is known of ε.
  public struct Finding: Sendable {
    /// Which side it is on.
    public enum Side: String, Sendable, Encodable {
      /// ε is at least this, at 95 %.
      case atLeast = "at least"
      /// ε is about this, if the noise is normal.
      case about
      /// ε is at most this, if the code does what is said of it.
      case atMost = "at most"
    }

    /// Which side it is on.
    public let side: Side
    /// 0 or more; infinite where nothing is guaranteed.
    public let epsilon: Double
    /// The δ it is of.
    public let delta: Double
    /// What says so, such as "audit-mechanism (one run)".
    public let source: String
    /// Whether ``epsilon`` is of one round by itself; several rounds have more.
    public let isOfOneRound: Bool
  }

  /// Those from below first, each by size.
  public let findings: [Finding]
  /// How often attacks picked the right candidate, where that was measured.
  let identifications: [MembershipRecord.Identification]

  /// - Parameters:
  ///   - bound: of the noise that the attacked updates' records say was added; nil for none.
  ///   - records: of the same clients.
  init(_ bound: GuaranteedBound?, _ records: PrivacyRecords) {
    identifications = records.memberships.flatMap(\.identifications)
    let below =
      records.mechanisms.flatMap(PrivacyEvidence.findings)
      + identifications.compactMap(PrivacyEvidence.finding)
    // Bounds are told at the δ of what they are compared with.
    let delta = below.map(\.delta).min() ?? GuaranteedBound.delta
    var all = below
    if let bound {
      all.append(
        Finding(
          side: .atMost, epsilon: bound.epsilon(delta: delta), delta: delta,
          source: "the noise that the records tell", isOfOneRound: true))
    }
    all += records.claims.flatMap { PrivacyEvidence.findings($0, delta: delta) }
    findings = all.sorted { left, right in
      (left.side.place, left.epsilon) < (right.side.place, right.epsilon)
    }
  }

  /// More is proved from below than a guarantee allows; both are of one round.
  public struct Contradiction: Sendable {
    /// What is proved.
    public let proved: Finding
    /// What it breaks.
    public let guarantee: Finding

    /// For people, with a full stop.
    public var sentence: String {
      "Epsilon is at least \(PrivacyNumbers.text(proved.epsilon)) (\(proved.source)), and at most "
        + "\(PrivacyNumbers.text(guarantee.epsilon)) according to \(guarantee.source): the code does not do what is said of it, "
        + "or this program is wrong. Nothing is guaranteed until that is cleared up."
    }
  }

  /// Nil where all that is known can be true together.
  public var contradiction: Contradiction? {
    for proved in findings where proved.side == .atLeast {
      let broken = findings.first {
        $0.side == .atMost && $0.isOfOneRound && $0.epsilon < proved.epsilon
          && $0.delta <= proved.delta
      }
      if let broken { return Contradiction(proved: proved, guarantee: broken) }
    }
    return nil
  }

  // MARK: - Sources

  private static func findings(_ record: MechanismRecord) -> [Finding] {
    func finding(_ side: Finding.Side, _ epsilon: Double, _ source: String) -> Finding {
      Finding(
        side: side, epsilon: epsilon, delta: record.delta, source: "audit-mechanism, \(source)",
        isOfOneRound: true)
    }
    var findings = record.bounds.map { finding(.atLeast, $0.epsilon, $0.method) }
    if !record.faults.isEmpty {
      let faults = record.faults.map(\.fault.rawValue).joined(separator: ", ")
      findings.append(finding(.atLeast, .infinity, "fault: \(faults)"))
    }
    if let estimate = record.estimate, record.rounds == 1, record.samplingRate == 1 {
      findings.append(finding(.about, estimate.epsilon.value, "if the noise is normal"))
    }
    return findings
  }

  /// Nobody without the update finds the right one of k in more than 1/k of all tries, and with it in at most e^ε / k + δ
  /// (Balle, Cherubin and Hayes 2022, arXiv 2201.04845): who finds more proves an ε.
  private static func finding(_ record: MembershipRecord.Identification) -> Finding? {
    let delta = GuaranteedBound.delta
    guard let least = record.interval.first, least > delta, record.candidates >= 2 else {
      return nil
    }
    let epsilon = log((least - delta) * Double(record.candidates))
    guard epsilon > 0 else { return nil }
    return Finding(
      side: .atLeast, epsilon: epsilon, delta: delta,
      source: "the right one of \(record.candidates) was picked",
      isOfOneRound: true)
  }

  private static func findings(_ record: PrivacyClaimRecord, delta: Double) -> [Finding] {
    var one = record.setting
    (one.rounds, one.samplingRate, one.delta) = (1, 1, delta)
    (one.records, one.sampling) = (nil, .poisson)
    let all = Finding(
      side: .atMost, epsilon: record.epsilon.value, delta: record.setting.delta,
      source: "check-dp, all \(record.setting.rounds) rounds", isOfOneRound: false)
    let first = Finding(
      side: .atMost, epsilon: PrivacyBounds(one).epsilon, delta: delta,
      source: "check-dp, one round", isOfOneRound: true)
    let isOne = record.setting.rounds == 1 && record.setting.samplingRate == 1
    return isOne ? [first] : [first, all]
  }
}

extension PrivacyEvidence.Finding.Side {
  fileprivate var place: Int {
    switch self {
    case .atLeast: 0
    case .about: 1
    case .atMost: 2
    }
  }
}
