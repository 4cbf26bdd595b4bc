/// What all parties of a secure aggregation have agreed on beforehand.
package struct SecureAggregationSettings: Hashable, Sendable {
  /// Clients that are asked, n; they have the numbers 1 to n.
  package let clientCount: Int
  /// Clients that must stay to the end, t; fewer can neither end the round nor, together with the server, unmask anyone.
  package let threshold: Int
  /// Words of each client's vector.
  package let vectorLength: Int
  /// Bits of the seeds of masks, 256 unless weak masks are studied.
  package let seedBits: Int
  /// Whether the server may lie: clients then sign their keys and what they were told of who survived.
  package let active: Bool

  /// Clients at most, which ``ShamirSharing`` bounds.
  package static let largestClientCount = ShamirSharing.largestHolder
  /// Words of a vector at most: 1 GiB.
  package static let largestVectorLength = 1 << 28

  /// Settings that go together.
  ///
  /// - Parameter threshold: more than half of the clients, and more than two thirds if the server may lie; without one, the least
  ///   that is allowed.
  /// - Throws: `FederationError` of the kind `badInput`.
  package init(
    clientCount: Int, threshold: Int? = nil, vectorLength: Int, seedBits: Int = 256,
    active: Bool = false
  ) throws(FederationError) {
    guard (2...Self.largestClientCount).contains(clientCount) else {
      throw FederationError(
        """
        secure aggregation is for 2 to \(Self.largestClientCount) clients, not \(clientCount): with one, \
        the sum is its input
        """, .badInput)
    }
    let least = Self.leastThreshold(clientCount: clientCount, active: active)
    let threshold = threshold ?? least
    guard (least...clientCount).contains(threshold) else {
      throw FederationError(
        """
        a threshold of \(threshold) of \(clientCount) clients does not protect them from a server that \
        \(active ? "may lie" : "keeps to the protocol"): take \(least) to \(clientCount)
        """, .badInput)
    }
    guard (1...Self.largestVectorLength).contains(vectorLength) else {
      throw FederationError(
        "vectors have 1 to \(Self.largestVectorLength) words, not \(vectorLength)", .badInput)
    }
    guard (1...256).contains(seedBits) else {
      throw FederationError("seeds of masks have 1 to 256 bits, not \(seedBits)", .badInput)
    }
    self.clientCount = clientCount
    self.threshold = threshold
    self.vectorLength = vectorLength
    self.seedBits = seedBits
    self.active = active
  }

  /// Bytes of a message at most, for a wire that bounds what it reads.
  package var largestMessage: Int {
    // A vector, or for each client its keys and signature or shares.
    SecureAggregationHeader.count + 80 + max(4 * vectorLength, clientCount * 130)
  }

  /// The least threshold that is allowed: two groups of so many clients have one client in common, and, if the server may lie, more
  /// than a third of all.
  package static func leastThreshold(clientCount: Int, active: Bool) -> Int {
    active ? 2 * clientCount / 3 + 1 : clientCount / 2 + 1
  }
}

/// The five rounds of the protocol.
package enum SecureAggregationStep: String, CaseIterable, Codable, Comparable, Sendable {
  case advertiseKeys, shareKeys, maskedInput
  /// Only if the server may lie.
  case consistencyCheck
  case unmasking

  /// Whether one comes before the other.
  package static func < (left: Self, right: Self) -> Bool { left.place < right.place }

  /// From 0, in the order of the protocol.
  var place: Int {
    switch self {
    case .advertiseKeys: 0
    case .shareKeys: 1
    case .maskedInput: 2
    case .consistencyCheck: 3
    case .unmasking: 4
    }
  }

  /// What a client does in it, after "clients".
  var deed: String {
    switch self {
    case .advertiseKeys: "sent their public keys"
    case .shareKeys: "shared their secrets"
    case .maskedInput: "sent their masked vectors"
    case .consistencyCheck: "signed the list of survivors"
    case .unmasking: "sent their shares for unmasking"
    }
  }

  /// What a client sends in it, after "its".
  var gift: String {
    switch self {
    case .advertiseKeys: "public keys"
    case .shareKeys: "shares"
    case .maskedInput: "masked vector"
    case .consistencyCheck: "signature of the survivors"
    case .unmasking: "shares for unmasking"
    }
  }
}

/// One run of the protocol: messages of another are refused.
///
/// The server names it. A client must take part in a session and round once only.
package struct SecureAggregationSession: Hashable, Sendable {
  /// 16 bytes.
  package let identifier: [UInt8]
  /// The federation's round, from 0.
  package let round: Int

  /// Bytes of an identifier.
  package static let identifierCount = 16

  /// A session by its name.
  package init(identifier: [UInt8], round: Int) throws(FederationError) {
    guard identifier.count == Self.identifierCount, (0...Int(UInt32.max)).contains(round) else {
      throw FederationError(
        """
        a session has a name of \(Self.identifierCount) bytes, not \(identifier.count), and a round from 0, \
        not \(round)
        """, .badInput)
    }
    self.identifier = identifier
    self.round = round
  }

  /// A session with a random name.
  package init(round: Int, using randomness: inout some RandomNumberGenerator)
    throws(FederationError)
  {
    try self.init(
      identifier: .random(SecureAggregationSession.identifierCount, using: &randomness),
      round: round)
  }
}

extension [UInt8] {
  /// Random bytes.
  static func random(_ count: Int, using randomness: inout some RandomNumberGenerator) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: randomness.next() as UInt64) }
  }
}
