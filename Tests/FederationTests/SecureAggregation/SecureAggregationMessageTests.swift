import Testing

@testable import Federation

@Suite struct SecureAggregationMessageTests {
  /// Every message of a run as its bytes, with a reader that gives them back.
  static func messages(active: Bool) throws -> (
    SecureAggregationSettings,
    [(SecureAggregationMessageKind, [UInt8], ([UInt8]) throws -> [UInt8])]
  ) {
    var parties = try Parties(3, active: active)
    let settings = parties.settings
    let numbers = [1, 2, 3]
    var all: [(SecureAggregationMessageKind, [UInt8], ([UInt8]) throws -> [UInt8])] = []
    func add<Message: SecureAggregationMessage>(_ message: Message) throws {
      #expect(message.encoded().count == message.encodedCount)
      #expect(message.encodedCount <= settings.largestMessage)
      #expect(try Message(decoding: message.encoded(), settings: settings) == message)
      all.append(
        (
          Message.kind, message.encoded(),
          { try Message(decoding: $0, settings: settings).encoded() }
        ))
    }
    for number in numbers {
      let message = try parties.clients[number - 1].advertiseKeys()
      try add(message)
      try parties.server.receive(message, from: number)
    }
    let list = try parties.server.closeKeys()
    try add(list)
    for number in numbers {
      let message = try parties.clients[number - 1].shareKeys(for: list)
      try add(message)
      try parties.server.receive(message, from: number)
    }
    let shares = try parties.server.closeShares()
    try add(shares[1])
    let lists = Dictionary(uniqueKeysWithValues: shares.map { ($0.recipient, $0) })
    for number in numbers {
      let message = try parties.vector(number, lists)
      try add(message)
      try parties.server.receive(message, from: number)
    }
    let survivors = try parties.server.closeMaskedInputs()
    try add(survivors)
    if active {
      for number in numbers {
        let message = try parties.clients[number - 1].confirm(survivors)
        try add(message)
        try parties.server.receive(message, from: number)
      }
      let signatures = try parties.server.closeSignatures()
      try add(signatures)
      try add(parties.clients[0].unmasking(signatures))
    } else {
      try add(parties.clients[0].unmasking(survivors))
    }
    return (settings, all)
  }

  @Test(arguments: [false, true])
  func bytesGiveTheMessageBack(_ active: Bool) throws {
    let (_, messages) = try Self.messages(active: active)
    let kinds = Set(messages.map(\.0))
    #expect(kinds.count == (active ? 9 : 7))
    for (kind, bytes, read) in messages {
      #expect(SecureAggregationMessageKind(of: bytes) == kind)
      #expect(try read(bytes) == bytes)
    }
  }

  @Test(arguments: [false, true])
  func whatIsCutOrLongerIsRefused(_ active: Bool) throws {
    for (name, bytes, read) in try Self.messages(active: active).1 {
      for count in 0..<bytes.count {
        #expect(kind { _ = try read(Array(bytes.prefix(count))) } == .refused, "\(name), \(count)")
      }
      #expect(kind { _ = try read(bytes + [0]) } == .refused, "\(name)")
      for position in 0..<4 {
        var other = bytes
        other[position] ^= 0x40
        #expect(kind { _ = try read(other) } == .refused, "\(name), \(position)")
      }
    }
  }

  /// Numbers that would make a careless reader take memory, or read a client twice.
  @Test func countsAreBoundedByTheSettings() throws {
    let (settings, messages) = try Self.messages(active: false)
    func bytes(_ kind: SecureAggregationMessageKind) -> [UInt8] {
      messages.first { $0.0 == kind }?.1 ?? []
    }
    func refusal(_ bytes: [UInt8], _ read: ([UInt8]) throws -> Void) -> String {
      failure { try read(bytes) }?.message ?? "taken"
    }
    var vector = bytes(.maskedVector)
    vector.replaceSubrange(58..<62, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(
      refusal(vector) { _ = try MaskedVector(decoding: $0, settings: settings) }
        .contains("has 4294967295 words, where 6 were agreed on"))
    var list = bytes(.survivorList)
    list.replaceSubrange(24..<26, with: [0xFF, 0xFF])
    #expect(
      refusal(list) { _ = try SurvivorList(decoding: $0, settings: settings) }
        .contains("tells of 65535 clients where there are 3"))
    for (clients, words) in [
      ([1, 1, 2], "names client 1 after client 1"), ([2, 1, 3], "names client 1 after client 2"),
      ([0, 1, 2], "names client 0"), ([1, 2, 4], "names client 4 where there are 3"),
    ] as [([UInt8], String)] {
      for (index, client) in clients.enumerated() { list[26 + 2 * index] = client }
      list.replaceSubrange(24..<26, with: [3, 0])
      #expect(
        refusal(list) { _ = try SurvivorList(decoding: $0, settings: settings) }.contains(words))
    }
    var shares = bytes(.unmaskingShares)
    shares[30] = 2
    #expect(
      refusal(shares) { _ = try UnmaskingShares(decoding: $0, settings: settings) }
        .contains("a share of neither secret"))
  }
}
