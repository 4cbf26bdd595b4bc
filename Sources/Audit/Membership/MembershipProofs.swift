import Attacks
import Clients
import TensorGraph

/// Counts the members whose being in a batch the spans of hidden layers prove, and others that they take for members.
struct MembershipProofs {
  private var members: [Bool] = []
  private var others: [Bool] = []

  /// What the spans tell of an update; nil where no hidden layer has one.
  static func spans(
    _ update: SharedUpdate, _ audit: UpdateAudit, _ backend: any Backend
  ) throws(AttackError) -> SpanMembership? {
    try AttackError.ifApplicable { () throws(AttackError) in
      try SpanMembership(audit.weighted, update, mode: audit.mode, backend: backend)
    }
  }

  mutating func add(
    _ update: SharedUpdate, _ audit: UpdateAudit, members: [PrivateExample],
    others: [PrivateExample], _ backend: any Backend
  ) throws(AttackError) {
    guard let spans = try Self.spans(update, audit, backend) else { return }
    for example in members {
      self.members.append(try spans.proves(example.image.doubles, label: example.label))
    }
    for example in others {
      self.others.append(try spans.proves(example.image.doubles, label: example.label))
    }
  }

  /// Nil where no update's spans told.
  var record: MembershipRecord.Proofs? {
    guard !members.isEmpty else { return nil }
    let rate = SuccessRate(members)
    return MembershipRecord.Proofs(
      members: rate.successes, memberCount: rate.count,
      interval: [rate.interval.lowerBound, rate.interval.upperBound],
      others: others.count { $0 }, otherCount: others.count)
  }
}
