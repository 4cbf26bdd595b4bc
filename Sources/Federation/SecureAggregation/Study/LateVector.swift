import Solvers

/// A round of secure aggregation whose server takes one client's vector for late, though it came: the others then help it
/// to that client's mask key, so that the client's own mask is all that hides the vector.
///
/// That is what the two kinds of masks are for: without the own one the vector would lie open (Bonawitz et al. 2017, section
/// 6.1). With one of few bits it does.
package struct LateVector: Sendable {
  /// What the server has of the client: its words under the own mask.
  package let words: [UInt32]
  /// Whether nothing but the client's own mask is left on them.
  package let isUnderOwnMaskAlone: Bool

  /// Plays the round in memory.
  ///
  /// - Parameters:
  ///   - inputs: each client's words, of the settings' length.
  ///   - victim: the client whose vector is taken for late, from 1.
  ///   - randomness: where all secrets come from.
  /// - Throws: ``FederationError`` when the settings do not allow the round.
  package init(
    _ inputs: [[UInt32]], victim: Int, _ settings: SecureAggregationSettings,
    using randomness: RandomSource
  ) throws(FederationError) {
    var source = randomness.derive(label: "session")
    let session = try SecureAggregationSession(round: 0, using: &source)
    var server = try SecureAggregationServer(settings: settings, session: session)
    var clients: [SecureAggregationClient] = []
    for number in 1...settings.clientCount {
      var client = try SecureAggregationClient(
        number: number, settings: settings, session: session,
        randomness: randomness.derive(index: number))
      try server.receive(try client.advertiseKeys(), from: number)
      clients.append(client)
    }
    let keys = try server.closeKeys()
    for index in clients.indices {
      try server.receive(try clients[index].shareKeys(for: keys), from: index + 1)
    }
    var late: MaskedVector?
    for shares in try server.closeShares() {
      let index = shares.recipient - 1
      let masked = try clients[index].maskedInput(inputs[index], shares: shares)
      if shares.recipient == victim {
        late = masked
      } else {
        try server.receive(masked, from: shares.recipient)
      }
    }
    server.drop(victim, because: "its vector was taken for late")
    let survivors = try server.closeMaskedInputs()
    for number in survivors.survivors {
      try server.receive(try clients[number - 1].unmasking(survivors), from: number)
    }
    _ = try server.unmaskedSum()
    guard let late else {
      throw FederationError("there is no client \(victim)", .badInput)
    }
    let residual = try server.rebuiltSecrets().residual(of: late)
    words = residual.words
    isUnderOwnMaskAlone = residual.masks == [.own]
  }

  /// The client's words, once the seed of its own mask is known.
  package func words(without seed: [UInt8]) throws(FederationError) -> [UInt32] {
    var result = words
    try MaskingGenerator(seed: seed).apply(.minus, to: &result)
    return result
  }
}
