import Foundation
import Testing

@testable import Federation

@Suite struct SecureAggregationServerTests {
  private static let everyone = [1, 2, 3, 4, 5]

  private func refusal(_ body: () throws -> Void) -> String {
    guard let error = failure(body) else { return "taken" }
    #expect(error.kind == .refused)
    return error.message
  }

  @Test func oneBadPeerIsRefusedAlone() throws {
    var parties = try Parties(5)
    let messages = try Self.everyone.map { try parties.clients[$0 - 1].advertiseKeys() }
    func receive(_ message: KeyAdvertisement, _ client: Int) -> String {
      refusal { try parties.server.receive(message, from: client) }
    }
    #expect(receive(messages[0], 1) == "taken")
    #expect(receive(messages[0], 1) == "client 1 sent its public keys twice")
    #expect(receive(messages[0], 2) == "client 2 sent a message of client 1")
    #expect(receive(messages[0], 77) == "client 77 sent a message of client 1")
    let copied = KeyAdvertisement(
      session: messages[1].session, sender: 2, sharingKey: messages[0].maskingKey,
      maskingKey: messages[1].maskingKey, signature: nil)
    #expect(receive(copied, 2) == "client 2 sent a key that is used already")
    let none = KeyAdvertisement(
      session: messages[1].session, sender: 2, sharingKey: [UInt8](repeating: 0, count: 32),
      maskingKey: messages[1].maskingKey, signature: nil)
    #expect(receive(none, 2) == "client 2 sent keys that are none")
    let other = try SecureAggregationSession(identifier: messages[1].session.identifier, round: 9)
    let late = KeyAdvertisement(
      session: other, sender: 2, sharingKey: messages[1].sharingKey,
      maskingKey: messages[1].maskingKey, signature: nil)
    #expect(receive(late, 2) == "client 2 sent a message of another session or round")
    #expect(parties.server.awaited == [2, 3, 4, 5])
    for number in 2...4 { #expect(receive(messages[number - 1], number) == "taken") }
    parties.server.drop(5, because: "its connection ended")
    #expect(receive(messages[4], 5).contains("takes no part any longer"))
    #expect(parties.server.awaited.isEmpty)
    let list = try parties.server.closeKeys()
    #expect(list.entries.map(\.sender) == [1, 2, 3, 4])
    #expect(
      receive(messages[4], 5) == "client 5 sent its public keys after that step of the protocol")
    let transcript = parties.server.transcript
    #expect(transcript.refusals.filter { $0.step == .advertiseKeys }.map(\.client) == [1, 2, 5])
    #expect(transcript.refusals.first { $0.client == 2 }?.count == 4)
    #expect(
      transcript.dropouts == [
        SecureAggregationDropout(client: 5, step: .advertiseKeys, reason: "its connection ended")
      ])
  }

  @Test func damagedVectorsAreRefused() throws {
    var parties = try Parties(5)
    let lists = try parties.shares(parties.keyList(Self.everyone), Self.everyone)
    let vector = try parties.vector(1, lists)
    var words = vector.words
    words[2] ^= 1 << 30
    func receive(_ words: [UInt32], _ digest: [UInt8]) -> String {
      refusal {
        try parties.server.receive(
          MaskedVector(session: vector.session, sender: 1, digest: digest, words: words), from: 1)
      }
    }
    #expect(receive(words, vector.digest).contains("was damaged, or masked for other clients"))
    #expect(receive(Array(words.dropLast()), vector.digest).contains("has 5 words"))
    // Masked as if client 5 had shared nothing.
    let shorter = ForwardedShares(
      session: vector.session, recipient: 2,
      shares: try #require(lists[2]).shares.filter { $0.client != 5 })
    let other = try parties.clients[1].maskedInput(parties.inputs[1], shares: shorter)
    #expect(
      refusal { try parties.server.receive(other, from: 2) }.contains("masked for other clients"))
    #expect(receive(vector.words, vector.digest) == "taken")
  }

  @Test func tooFewKeepTheStateAndSayHowMany() throws {
    var parties = try Parties(5)
    let list = try parties.keyList(Self.everyone)
    for number in [1, 2] {
      try parties.server.receive(parties.clients[number - 1].shareKeys(for: list), from: number)
    }
    let tooFew = failure { _ = try parties.server.closeShares() }
    #expect(tooFew?.kind == .tooFew)
    #expect(
      tooFew?.message
        == "2 of 5 clients shared their secrets, and 3 are needed: this round has no sum")
    #expect(kind { _ = try parties.server.closeMaskedInputs() } == .badInput)
    #expect(parties.server.awaited == [3, 4, 5])
    try parties.server.receive(parties.clients[3].shareKeys(for: list), from: 4)
    #expect(try parties.server.closeShares().map(\.recipient) == [1, 2, 4])
  }

  /// Unmasking with shares that `spoil` changes.
  private func unmask(
    _ parties: inout Parties, _ list: SurvivorList, by numbers: [Int],
    spoil: (Int, UnmaskingShare) -> UnmaskingShare
  ) throws {
    for number in numbers {
      let message = try parties.clients[number - 1].unmasking(list)
      try parties.server.receive(
        UnmaskingShares(
          session: message.session, sender: number, shares: message.shares.map { spoil(number, $0) }
        ),
        from: number)
    }
  }

  private func flipped(_ share: UnmaskingShare) -> UnmaskingShare {
    UnmaskingShare(
      owner: share.owner, secret: share.secret,
      share: [share.share[0] ^ 1] + share.share.dropFirst())
  }

  @Test(arguments: [SharedSecretKind.ownSeed, .maskingKey])
  func oneWrongShareIsFound(_ secret: SharedSecretKind) throws {
    var parties = try Parties(5)
    let list = try parties.survivors([1, 2, 3, 4], of: Self.everyone)
    try unmask(&parties, list, by: [1, 2, 3, 4]) { holder, share in
      holder == 2 && share.secret == secret ? flipped(share) : share
    }
    let sum = try parties.server.unmaskedSum()
    #expect(sum.words == parties.sum(of: [1, 2, 3, 4]))
    #expect(sum.included == [1, 2, 3, 4] && sum.wrongShares == [2])
    #expect(sum.dropouts.map(\.client) == [5])
  }

  @Test(arguments: [SharedSecretKind.ownSeed, .maskingKey])
  func wrongSharesWithoutOthersEndTheRound(_ secret: SharedSecretKind) throws {
    var parties = try Parties(5)
    let list = try parties.survivors([1, 2, 3, 4], of: Self.everyone)
    // As many shares as needed, one of them wrong.
    try unmask(&parties, list, by: [1, 2, 4]) { holder, share in
      holder == 2 && share.secret == secret ? flipped(share) : share
    }
    let error = try #require(failure { _ = try parties.server.unmaskedSum() })
    #expect(error.kind == .tooFew)
    let owner = secret == .ownSeed ? 1 : 5
    #expect(
      error.message.contains(
        "no 3 of the 3 shares that came give the secret that client \(owner)"))
    // Another client's shares mend it.
    try unmask(&parties, list, by: [3]) { $1 }
    #expect(try parties.server.unmaskedSum().words == parties.sum(of: [1, 2, 3, 4]))
  }

  @Test func aFalseCommitmentIsNeverASum() throws {
    var parties = try Parties(5)
    let list = try parties.keyList(Self.everyone)
    for number in Self.everyone {
      let bundle = try parties.clients[number - 1].shareKeys(for: list)
      try parties.server.receive(
        ShareBundle(
          session: bundle.session, sender: number, listDigest: bundle.listDigest,
          commitment: number == 3 ? [UInt8](repeating: 0, count: 32) : bundle.commitment,
          shares: bundle.shares), from: number)
    }
    let lists = Dictionary(
      uniqueKeysWithValues: try parties.server.closeShares().map { ($0.recipient, $0) })
    for number in Self.everyone {
      try parties.server.receive(parties.vector(number, lists), from: number)
    }
    let survivors = try parties.server.closeMaskedInputs()
    try unmask(&parties, survivors, by: Self.everyone) { $1 }
    #expect(kind { _ = try parties.server.unmaskedSum() } == .tooFew)
  }

  /// Of many clients not every choice of shares is tried, but one without a single wrong one is.
  @Test func oneWrongShareAmongMany() throws {
    let many = Array(1...24)
    var parties = try Parties(24, length: 2)
    let list = try parties.survivors(Array(many.dropLast()), of: many)
    try unmask(&parties, list, by: Array(many.dropLast())) { holder, share in
      holder == 11 ? flipped(share) : share
    }
    let sum = try parties.server.unmaskedSum()
    #expect(sum.words == parties.sum(of: sum.included) && sum.wrongShares == [11])
  }

  @Test func otherSharesThanAskedForAreRefused() throws {
    var parties = try Parties(5)
    let list = try parties.survivors([1, 2, 3, 4], of: Self.everyone)
    var client = parties.clients[0]
    let lie = SurvivorList(session: list.session, survivors: [1, 2, 3])
    let message = try client.unmasking(lie)
    #expect(
      refusal { try parties.server.receive(message, from: 1) }
        == "client 1 gave up other shares than the list of survivors asks for")
    #expect(parties.server.awaited == [1, 2, 3, 4])
  }

  @Test func transcriptsAreWrittenAsJSON() throws {
    var parties = try Parties(5)
    let list = try parties.survivors([1, 2, 4], of: [1, 2, 3, 4])
    try unmask(&parties, list, by: [1, 2, 4]) { $1 }
    let sum = try parties.server.unmaskedSum()
    #expect(sum.words == parties.sum(of: [1, 2, 4]))
    let transcript = parties.server.transcript
    let data = try JSONEncoder().encode(transcript)
    let text = String(decoding: data, as: UTF8.self)
    #expect(text.contains("\"maskedInput\"") && text.contains("\"maskedVector\""))
    #expect(try JSONDecoder().decode(SecureAggregationTranscript.self, from: data) == transcript)
    #expect(transcript.parties == [[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 4]])
    #expect(transcript.rebuiltSeeds == [1, 2, 4] && transcript.rebuiltKeys == [3])
    #expect(transcript.dropouts.map(\.client) == [5, 3])
    #expect(transcript.dropouts.map(\.step) == [.advertiseKeys, .maskedInput])
    #expect(transcript.messages.filter { $0.kind == .maskedVector }.map(\.bytes) == [86, 86, 86])
    #expect(transcript.messages.count == 4 + 1 + 4 + 4 + 3 + 1 + 3)
  }
}
