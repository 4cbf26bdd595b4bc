import Testing

@testable import Federation

@Suite struct SecureAggregationSettingsTests {
  @Test func thresholdsAreTheLeastThatProtect() throws {
    for (count, honest, active) in [(2, 2, 2), (3, 2, 3), (4, 3, 3), (6, 4, 5), (10, 6, 7)] {
      #expect(
        try SecureAggregationSettings(clientCount: count, vectorLength: 1).threshold == honest)
      #expect(
        try SecureAggregationSettings(clientCount: count, vectorLength: 1, active: true).threshold
          == active)
      #expect(2 * honest > count && 3 * active > 2 * count)
    }
  }

  @Test(arguments: [
    (1, 1, 1, 256, false, "with one, the sum is its input"),
    (256, 200, 1, 256, false, "2 to 255 clients"),
    (8, 4, 1, 256, false, "take 5 to 8"),
    (8, 5, 1, 256, true, "take 6 to 8"),
    (8, 9, 1, 256, false, "take 5 to 8"),
    (8, 5, 0, 256, false, "1 to 268435456 words"),
    (8, 5, 1 << 30, 256, false, "1 to 268435456 words"),
    (8, 5, 1, 0, false, "1 to 256 bits"),
    (8, 5, 1, 257, false, "1 to 256 bits"),
  ])
  func whatDoesNotProtectIsRefused(
    _ count: Int, _ threshold: Int, _ length: Int, _ bits: Int, _ active: Bool, _ words: String
  ) {
    let error = failure {
      _ = try SecureAggregationSettings(
        clientCount: count, threshold: threshold, vectorLength: length, seedBits: bits,
        active: active)
    }
    #expect(error?.kind == .badInput)
    #expect(error?.message.contains(words) == true)
  }

  @Test func activePartiesNeedTheirKeys() throws {
    let parties = try Parties(4, active: true)
    let (settings, session) = (parties.settings, parties.server.session)
    #expect(
      kind { _ = try SecureAggregationClient(number: 1, settings: settings, session: session) }
        == .badInput)
    #expect(
      kind { _ = try SecureAggregationServer(settings: settings, session: session) } == .badInput)
    #expect(
      kind { _ = try SecureAggregationClient(number: 5, settings: settings, session: session) }
        == .badInput)
    #expect(kind { _ = try SecureAggregationSession(identifier: [1], round: 0) } == .badInput)
    #expect(
      kind { _ = try SecureAggregationRoster(publicKeys: [[1], [2]]) } == .badInput)
  }
}
