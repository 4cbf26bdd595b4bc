import Solvers

@testable import Federation

/// Parties of one run, and what they have said so far.
struct Parties {
  let settings: SecureAggregationSettings
  var server: SecureAggregationServer
  var clients: [SecureAggregationClient]
  let inputs: [[UInt32]]

  init(
    _ clientCount: Int, threshold: Int? = nil, length: Int = 6, seedBits: Int = 256,
    active: Bool = false, seed: UInt64 = 1, inputs: [[UInt32]]? = nil
  ) throws {
    let agreed = try SecureAggregationSettings(
      clientCount: clientCount, threshold: threshold, vectorLength: length, seedBits: seedBits,
      active: active)
    var random = RandomSource(seed: seed)
    self.inputs =
      inputs
      ?? (0..<clientCount).map { _ in
        (0..<length).map { _ in UInt32(truncatingIfNeeded: random.next()) }
      }
    let settings = agreed
    self.settings = agreed
    let session = try SecureAggregationSession(round: 0, using: &random)
    let identities = try (0..<clientCount).map { _ in
      try SecureAggregationIdentity(using: &random)
    }
    let roster = try SecureAggregationRoster(publicKeys: identities.map(\.publicKey))
    let source = random
    server = try SecureAggregationServer(settings: settings, session: session, roster: roster)
    clients = try (1...clientCount).map { number in
      try SecureAggregationClient(
        number: number, settings: settings, session: session, identity: identities[number - 1],
        roster: roster, randomness: source.derive(index: number))
    }
  }

  /// AdvertiseKeys.
  mutating func keyList(_ numbers: [Int]) throws -> KeyList {
    for number in numbers {
      try server.receive(clients[number - 1].advertiseKeys(), from: number)
    }
    return try server.closeKeys()
  }

  /// ShareKeys.
  mutating func shares(_ list: KeyList, _ numbers: [Int]) throws -> [Int: ForwardedShares] {
    for number in numbers {
      try server.receive(clients[number - 1].shareKeys(for: list), from: number)
    }
    return Dictionary(uniqueKeysWithValues: try server.closeShares().map { ($0.recipient, $0) })
  }

  /// MaskedInput.
  mutating func vector(_ number: Int, _ lists: [Int: ForwardedShares]) throws -> MaskedVector {
    guard let list = lists[number] else { throw FederationError("no list", .badInput) }
    return try clients[number - 1].maskedInput(inputs[number - 1], shares: list)
  }

  /// The steps before Unmasking.
  mutating func survivors(_ numbers: [Int], of sharers: [Int]) throws -> SurvivorList {
    let list = try shares(keyList(sharers), sharers)
    for number in numbers { try server.receive(vector(number, list), from: number) }
    return try server.closeMaskedInputs()
  }

  func sum(of numbers: [Int]) -> [UInt32] {
    var sum = [UInt32](repeating: 0, count: settings.vectorLength)
    for number in numbers {
      for (index, word) in inputs[number - 1].enumerated() { sum[index] &+= word }
    }
    return sum
  }
}

/// The error that `body` throws; nil if it throws none.
func failure(_ body: () throws -> Void) -> FederationError? {
  do {
    try body()
    return nil
  } catch { return error as? FederationError }
}

/// Its kind.
func kind(_ body: () throws -> Void) -> FederationError.Kind? { failure(body)?.kind }

func hex(_ text: String) -> [UInt8] {
  let digits = text.filter { !$0.isWhitespace }.compactMap { UInt8(String($0), radix: 16) }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
