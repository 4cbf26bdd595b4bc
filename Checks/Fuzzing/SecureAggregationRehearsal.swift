import Federation
import Solvers

/// All parties of a secure aggregation in one place: messages are bytes in a queue, so that any of them can be lost, changed, repeated
/// or sent to someone else. A copy goes on from where the original was.
package struct SecureAggregationRehearsal: Sendable {
  /// A message on its way.
  package struct Delivery: Sendable {
    package enum Address: Hashable, Sendable {
      case server(from: Int)
      case client(Int)
    }

    package var address: Address
    package var bytes: [UInt8]
  }

  /// How a run ended.
  package enum Outcome: Sendable {
    case sum(SecureAggregationSum)
    case failure(FederationError)
  }

  package let settings: SecureAggregationSettings
  /// Each client's vector.
  package let inputs: [[UInt32]]
  package private(set) var server: SecureAggregationServer
  package private(set) var clients: [SecureAggregationClient]
  /// From which step on a client says nothing.
  private let silentFrom: [Int: SecureAggregationStep]
  private var queue: [Delivery] = []
  /// How it ended, once it has.
  package private(set) var outcome: Outcome?

  /// A run with random vectors before its first message.
  package init(
    settings: SecureAggregationSettings, round: Int = 0, seed: UInt64,
    silentFrom: [Int: SecureAggregationStep] = [:]
  ) throws {
    let random = RandomSource(seed: seed)
    var vectors = random.derive(label: "vectors")
    let inputs = (0..<settings.clientCount).map { _ in
      (0..<settings.vectorLength).map { _ in UInt32(truncatingIfNeeded: vectors.next()) }
    }
    try self.init(
      settings: settings, round: round, inputs: inputs, random: random, silentFrom: silentFrom)
  }

  /// A run with given vectors before its first message.
  package init(
    settings: SecureAggregationSettings, round: Int = 0, inputs: [[UInt32]], random: RandomSource,
    silentFrom: [Int: SecureAggregationStep] = [:]
  ) throws {
    var random = random.derive(label: "secrets")
    let session = try SecureAggregationSession(round: round, using: &random)
    let identities = try (0..<settings.clientCount).map { _ in
      try SecureAggregationIdentity(using: &random)
    }
    let roster = try SecureAggregationRoster(publicKeys: identities.map(\.publicKey))
    self.settings = settings
    self.inputs = inputs
    self.silentFrom = silentFrom
    server = try SecureAggregationServer(settings: settings, session: session, roster: roster)
    clients = try (1...settings.clientCount).map { number in
      try SecureAggregationClient(
        number: number, settings: settings, session: session, identity: identities[number - 1],
        roster: roster, randomness: random.derive(index: number))
    }
    for number in 1...settings.clientCount {
      let message = try clients[number - 1].advertiseKeys()
      if speaks(number, at: .advertiseKeys) {
        queue.append(Delivery(address: .server(from: number), bytes: message.encoded()))
      }
    }
    advance()
  }

  /// What comes next; nil at the end.
  package var next: Delivery? { queue.first }

  /// Delivers what comes next.
  package mutating func step() {
    if queue.isEmpty { return }
    let delivery = queue.removeFirst()
    _ = deliver(delivery)
  }

  /// Loses what comes next.
  package mutating func lose() {
    if !queue.isEmpty { queue.removeFirst() }
    advance()
  }

  /// Delivers a message out of turn.
  ///
  /// - Returns: nil if it was taken, otherwise why not.
  package mutating func deliver(_ delivery: Delivery) -> FederationError? {
    defer { advance() }
    do throws(FederationError) {
      switch delivery.address {
      case .server(from: let client):
        try server.receive(encoded: delivery.bytes, from: client)
      case .client(let client):
        let step = server.step
        let answer = try clients[client - 1].answer(
          encoded: delivery.bytes, input: inputs[client - 1])
        if speaks(client, at: step) {
          queue.append(Delivery(address: .server(from: client), bytes: answer))
        }
      }
      return nil
    } catch {
      return error
    }
  }

  /// Delivers everything that is left.
  package mutating func run() -> Outcome? {
    while outcome == nil, !queue.isEmpty { step() }
    return outcome
  }

  private func speaks(_ client: Int, at step: SecureAggregationStep) -> Bool {
    silentFrom[client].map { step < $0 } ?? true
  }

  /// Ends the server's step, or steps, when nothing is on its way.
  private mutating func advance() {
    while outcome == nil, queue.isEmpty {
      do throws(FederationError) {
        switch server.step {
        case .advertiseKeys: send(try server.closeKeys())
        case .shareKeys:
          queue = try server.closeShares().map {
            Delivery(address: .client($0.recipient), bytes: $0.encoded())
          }
        case .maskedInput: send(try server.closeMaskedInputs())
        case .consistencyCheck: send(try server.closeSignatures())
        case .unmasking: outcome = .sum(try server.unmaskedSum())
        }
      } catch {
        outcome = .failure(error)
      }
    }
  }

  /// To all that took part in the step that ended.
  private mutating func send(_ message: some SecureAggregationMessage) {
    let bytes = message.encoded()
    queue = (server.transcript.parties.last ?? []).map {
      Delivery(address: .client($0), bytes: bytes)
    }
  }

  /// What is wrong with the outcome: a sum that is not that of the vectors which it says are in it, fewer than the threshold, or an
  /// end for another reason than too few clients.
  package var fault: String? {
    switch outcome {
    case nil: return "the run did not end"
    case .failure(let error):
      return error.kind == .tooFew ? nil : "ended as \(error.kind): \(error.message)"
    case .sum(let sum):
      guard sum.included.count >= settings.threshold else {
        return "a sum of \(sum.included.count) clients"
      }
      var right = [UInt32](repeating: 0, count: settings.vectorLength)
      for client in sum.included {
        for (index, word) in inputs[client - 1].enumerated() { right[index] &+= word }
      }
      return sum.words == right ? nil : "the sum of clients \(sum.included) is wrong"
    }
  }
}
