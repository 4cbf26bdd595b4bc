/// What the server of a run saw, without the contents: for records.
package struct SecureAggregationTranscript: Codable, Hashable, Sendable {
  /// A message that was taken or sent.
  package struct Message: Codable, Hashable, Sendable {
    package let step: SecureAggregationStep
    package let kind: SecureAggregationMessageKind
    /// The client whose message it is, or for whom; nil for all.
    package let client: Int?
    package let isFromClient: Bool
    /// Bytes, as encoded.
    package let bytes: Int
  }

  /// Messages of a client that were refused at a step.
  package struct Refusal: Codable, Hashable, Sendable {
    package let step: SecureAggregationStep
    package let client: Int
    package internal(set) var count: Int
    /// Why the first was.
    package let reason: String
  }

  package internal(set) var messages: [Message] = []
  package internal(set) var refusals: [Refusal] = []
  package internal(set) var dropouts: [SecureAggregationDropout] = []
  /// Clients whose message each step ended with: U1, U2, U3, U4, U5.
  package internal(set) var parties: [[Int]] = []
  /// Clients whose own seed was rebuilt: the survivors.
  package internal(set) var rebuiltSeeds: [Int] = []
  /// Clients whose mask key was rebuilt: those that dropped out after they had shared it.
  package internal(set) var rebuiltKeys: [Int] = []
  /// Clients that gave a share which does not fit the others.
  package internal(set) var wrongShares: [Int] = []

  /// Bytes from clients, and to them.
  package var bytes: (received: Int, sent: Int) {
    messages.reduce(into: (0, 0)) { sum, message in
      if message.isFromClient { sum.0 += message.bytes } else { sum.1 += message.bytes }
    }
  }

  mutating func refuse(_ client: Int, at step: SecureAggregationStep, _ reason: String) {
    if let index = refusals.firstIndex(where: { $0.client == client && $0.step == step }) {
      refusals[index].count += 1
    } else {
      refusals.append(Refusal(step: step, client: client, count: 1, reason: reason))
    }
  }

  mutating func add(
    _ message: some SecureAggregationMessage, _ step: SecureAggregationStep, client: Int?,
    isFromClient: Bool
  ) {
    messages.append(
      Message(
        step: step, kind: type(of: message).kind, client: client, isFromClient: isFromClient,
        bytes: message.encodedCount))
  }
}

/// A client that was missing.
package struct SecureAggregationDropout: Codable, Hashable, Sendable {
  package let client: Int
  /// The step at which it was.
  package let step: SecureAggregationStep
  package let reason: String
}

/// In records a kind is its name.
extension SecureAggregationMessageKind: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let name = try container.decode(String.self)
    guard let kind = Self.allCases.first(where: { "\($0)" == name }) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "there is no message \(name)")
    }
    self = kind
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode("\(self)")
  }
}
