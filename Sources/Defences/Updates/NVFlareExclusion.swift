import Clients
import ModelIO

/// NVFlare's `ExcludeVars`: does not send the tensors in whose names a regular expression is found.
struct NVFlareExclusion: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "nvflare-exclude",
    parameters: [.text("pattern")],
    summary:
      "does not send tensors in whose names the regular expression PATTERN is found, such as "
      + "nvflare-exclude:^fc",
    source: "NVFlare 2.9 ExcludeVars", answer: .ofWhatWasSent,
    needs: DefenceNeeds(parameterNames: true), privacy: .deterministic,
    read: { text throws(DefenceError) in try NVFlareExclusion(text) })

  let pattern: NamePattern
  var parameterText: String { pattern.text }

  /// - Throws: ``DefenceError`` for what is no pattern.
  init(_ text: String) throws(DefenceError) {
    guard !text.isEmpty else {
      throw DefenceError(
        "\(Self.descriptor.name) takes a regular expression of names; write it as in nvflare-exclude:^fc"
      )
    }
    do throws(PatternError) {
      pattern = try NamePattern(text)
    } catch {
      throw DefenceError(
        "the pattern \(text.quotedForMessage) of \(Self.descriptor.name) \(error.reason)")
    }
  }

  func conflict(with other: any Defence) -> String? { namesConflict(with: other) }

  func check(parameterNames names: [String]) throws(AttackError) {
    try checkPart(
      of: names, isTaken: pattern.isFound,
      none: "\(pattern.text.quotedForMessage) is found in no name", verb: "excludes")
  }

  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.withhold(round.names, where: pattern.isFound)
  }
}

extension Defence {
  /// Names are those of the client's own model.
  func namesConflict(with other: any Defence) -> String? {
    guard other.descriptor.stage == .model else { return nil }
    return
      "\(name) names parameters of the model, and \(other.name) trains others; leave one of them out"
  }

  /// - Throws: ``AttackError`` where nothing is taken, or nothing is left to attack.
  func checkPart(
    of names: [String], isTaken: (String) -> Bool, none: String, verb: String
  ) throws(AttackError) {
    let count = names.count(where: isTaken)
    guard count > 0 else {
      throw AttackError(
        "\(none), so \(name) would change nothing; the names are "
          + names.prefix(12).joined(separator: ", ") + (names.count > 12 ? ", …" : ""), .badInput)
    }
    guard count < names.count else {
      throw AttackError(
        "\(self) \(verb) every parameter, so there is no update to attack; name some of them",
        .badInput)
    }
  }
}

extension UpdateInTransit {
  /// Sends nothing of the tensors whose names `isTaken` takes.
  mutating func withhold(_ names: [String], where isTaken: (String) -> Bool) {
    for index in parts.indices where isTaken(names[index]) { withhold(index) }
  }
}
