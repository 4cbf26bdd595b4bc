import Clients
import Foundation

extension MembershipRecord {
  /// The score that tells members best.
  public var best: Measure? { measures.max { $0.area.value < $1.area.value } }

  /// The chance that a record which is not in the batch scores so high, below which a candidate looks like a member.
  public static let telling = 0.001

  /// Whether members are told from others.
  public var isTold: Bool {
    if proofs?.members ?? 0 > 0 || candidates.contains(where: { $0.isProved == true }) {
      return true
    }
    return measures.isEmpty
      ? candidates.contains { $0.chance.value < MembershipRecord.telling }
      : measures.contains { ($0.interval.first ?? 0) > 0.5 }
  }

  /// What was learnt, for a verdict.
  var sentence: String {
    let nouns = DataKinds.descriptor(DataKindName(rawValue: kind)).plural
    let head = "Members\(defence.map { " behind \($0.clipped(to: 80))" } ?? ""): "
    if let exclusions { return head + exclusions.sentence(texts ?? []) }
    guard let best else {
      let proved = candidates.count { $0.isProved == true }
      let likely = candidates.count { $0.chance.value < MembershipRecord.telling }
      return head
        + "of \(candidates.count) \(nouns) that were asked for, \(proved) are proved to be in the batch and "
        + "\(likely) score as 1 in 1000 others do; that one is not told does not show that it is not there."
    }
    let interval = best.interval.map { String(format: "%.2f", $0) }.joined(separator: "-")
    let rate = best.rates.first
    let scores =
      "the \(best.score) has an AUC of " + String(format: "%.2f", best.area.value)
      + " (95 % interval \(interval), members taken as independent; guessing has 0.50)"
      + (rate.map { " and finds \($0.found) of \($0.members) at 1 % of false alarms" } ?? "")
    let basis = "\(updates) \(updates == 1 ? "update" : "updates") of \(batchSize)"
    if let proofs, proofs.members > 0 {
      return head
        + "\(proofs.members) of \(proofs.memberCount) are proved to be in their batches, and \(proofs.others) of "
        + "\(proofs.otherCount) other \(nouns); \(scores) (\(basis))."
    }
    return head + (isTold ? "told from other \(nouns): " : "not told from other \(nouns): ")
      + scores
      + " (\(basis))" + (isTold ? "." : ". That shows nothing of better scores.")
  }
}

extension MembershipRecord.Exclusions {
  /// What words exclude, for people.
  ///
  /// - Parameter texts: those that were asked for, beside an update from a file.
  package func sentence(_ texts: [MembershipRecord.Text]) -> String {
    guard texts.isEmpty else {
      return
        "\(texts.count { !$0.missing.isEmpty }) of \(texts.count) texts are not in the batch, for certain: they have words that no "
        + "text of it has."
    }
    return
      "\(others) of \(otherCount) texts that are not in the batches are excluded for certain, by words that no text of the batch has, "
      + "and \(members) of \(memberCount) members."
  }
}

extension PropertyRecord {
  /// What was learnt, for a verdict and catalogues.
  var sentence: String {
    let told = isTold ? "told" : "not told by this classifier, which shows nothing of others,"
    return
      "\(property.clipped(to: 60))\(defence.map { " behind \($0.clipped(to: 80))" } ?? ""): \(told) from the updates "
      + "of \(clientsWith + clientsWithout) clients "
      + String(
        format: "(AUC %.2f, p = %.2g; labels alone %.2f).", area.value, chance, labelsArea.value)
  }
}

extension LeakageAudit.Result {
  /// What is told behind a defence that records did not come back through; nil for nothing, or where it was not asked.
  public func caveat(on finding: DefenceFinding) -> String? {
    guard finding.outcome != .leaks, let name = finding.strength?.description else { return nil }
    let isMemberTold = memberships.contains { $0.defence == name && $0.isTold }
    let told = properties.first { $0.defence == name && $0.isTold }?.property.clipped(to: 60)
    let parts = [isMemberTold ? "who is in a batch" : nil, told].compactMap(\.self)
    return parts.isEmpty
      ? nil : "Updates behind it tell \(parts.joined(separator: " and ")) all the same."
  }
}
