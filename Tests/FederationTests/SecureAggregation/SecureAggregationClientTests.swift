import Solvers
import Testing

@testable import Federation

@Suite struct SecureAggregationClientTests {
  private static let everyone = [1, 2, 3, 4]

  /// What a client says to a list, in words; "taken" if it takes it.
  private func answer(_ body: () throws -> Void) -> String {
    guard let error = failure(body) else { return "taken" }
    #expect(error.kind == .refused)
    return error.message
  }

  @Test func listsOfKeysAreChecked() throws {
    var parties = try Parties(4)
    let list = try parties.keyList(Self.everyone)
    var client = parties.clients[1]
    func answer(_ entries: [KeyAdvertisement]) -> String {
      self.answer {
        _ = try client.shareKeys(for: KeyList(session: list.session, entries: entries))
      }
    }
    let entries = list.entries
    func changed(_ index: Int, sharing: [UInt8]? = nil, masking: [UInt8]? = nil)
      -> [KeyAdvertisement]
    {
      var entries = entries
      let old = entries[index]
      entries[index] = KeyAdvertisement(
        session: old.session, sender: old.sender, sharingKey: sharing ?? old.sharingKey,
        maskingKey: masking ?? old.maskingKey, signature: nil)
      return entries
    }
    #expect(
      answer(Array(entries.prefix(2))).contains("keys of 2 clients, where the threshold is 3"))
    #expect(answer([]).contains("keys of 0 clients"))
    #expect(answer([entries[0], entries[2], entries[3]]).contains("without its own"))
    #expect(answer(changed(1, masking: entries[0].sharingKey)).contains("without its own"))
    #expect(answer(changed(0, masking: entries[1].sharingKey)).contains("a key occurs twice"))
    #expect(answer(changed(0, masking: entries[0].sharingKey)).contains("a key occurs twice"))
    #expect(answer(changed(3, sharing: entries[2].sharingKey)).contains("a key occurs twice"))
    #expect(answer(entries + [entries[3]]).contains("twice, out of order"))
    #expect(answer(entries.reversed()).contains("twice, out of order"))
    // Of a small subgroup: everyone agrees on zero with them.
    let zero = [UInt8](repeating: 0, count: 32)
    #expect(answer(changed(0, sharing: zero)).contains("keys of client 1 that are none"))
    #expect(
      answer(changed(2, masking: [1] + zero.dropFirst())).contains("keys of client 3 that are none")
    )
    let other = try SecureAggregationSession(identifier: list.session.identifier, round: 1)
    #expect(
      self.answer { _ = try client.shareKeys(for: KeyList(session: other, entries: entries)) }
        .contains("another session or round"))
    // None of this changed it, and once it has answered it answers no more.
    #expect(answer(entries) == "taken")
    #expect(answer(entries).contains("when it waits for none"))
    #expect(self.answer { _ = try client.advertiseKeys() }.contains("a second time"))
  }

  @Test func listsOfSharesAreChecked() throws {
    var parties = try Parties(4)
    let lists = try parties.shares(parties.keyList(Self.everyone), Self.everyone)
    let (own, other) = (try #require(lists[2]), try #require(lists[3]))
    var client = parties.clients[1]
    func answer(_ list: ForwardedShares) -> String {
      self.answer { _ = try client.maskedInput(parties.inputs[1], shares: list) }
    }
    func list(_ shares: [EncryptedShares], for recipient: Int = 2) -> ForwardedShares {
      ForwardedShares(session: own.session, recipient: recipient, shares: shares)
    }
    #expect(answer(other).contains("the shares for client 3"))
    // Ciphertexts are bound to both clients.
    #expect(answer(list(other.shares.filter { $0.client != 2 })).contains("that do not open"))
    var swapped = own.shares
    swapped[0] = EncryptedShares(client: 1, ciphertext: own.shares[1].ciphertext)
    #expect(answer(list(swapped)).contains("client 1 that do not open"))
    swapped[0] = EncryptedShares(client: 1, ciphertext: other.shares[0].ciphertext)
    #expect(answer(list(swapped)).contains("client 1 that do not open"))
    for position in [0, 12, 40, 80, 91] {
      var ciphertext = own.shares[0].ciphertext
      ciphertext[position] ^= 1
      swapped[0] = EncryptedShares(client: 1, ciphertext: ciphertext)
      #expect(answer(list(swapped)).contains("client 1 that do not open"))
    }
    swapped[0] = EncryptedShares(client: 1, ciphertext: [1, 2])
    #expect(answer(list(swapped)).contains("client 1 that do not open"))
    #expect(answer(list([own.shares[0]])).contains("shares of 1 others, where the threshold is 3"))
    #expect(answer(list(own.shares + [own.shares[0]])).contains("twice, out of order"))
    let itself = EncryptedShares(client: 2, ciphertext: own.shares[0].ciphertext)
    #expect(
      answer(list([own.shares[0], itself, own.shares[1]])).contains("whose keys it does not have"))
    #expect(kind { _ = try client.maskedInput([1], shares: own) } == .badInput)
    #expect(answer(own) == "taken")
    #expect(answer(own).contains("when it waits for none"))
  }

  /// Shares that were made for another list of keys do not open: clients that were sent different lists do not go on together.
  @Test func splitViewsOfKeysAreNoticed() throws {
    var parties = try Parties(4)
    let list = try parties.keyList(Self.everyone)
    let shorter = KeyList(session: list.session, entries: Array(list.entries.prefix(3)))
    let bundle = try parties.clients[0].shareKeys(for: shorter)
    _ = try parties.clients[1].shareKeys(for: list)
    let third = try parties.clients[2].shareKeys(for: list)
    let shares = [
      EncryptedShares(client: 1, ciphertext: bundle.shares[0].ciphertext),
      EncryptedShares(client: 3, ciphertext: third.shares[1].ciphertext),
    ]
    let forwarded = ForwardedShares(session: list.session, recipient: 2, shares: shares)
    #expect(
      answer { _ = try parties.clients[1].maskedInput(parties.inputs[1], shares: forwarded) }
        .contains("client 1 that do not open"))
  }

  @Test func listsOfSurvivorsAreChecked() throws {
    var parties = try Parties(4)
    let lists = try parties.shares(parties.keyList(Self.everyone), [1, 2, 3])
    _ = try parties.vector(2, lists)
    let session = parties.server.session
    var client = parties.clients[1]
    func answer(_ survivors: [Int]) -> String {
      self.answer {
        _ = try client.unmasking(SurvivorList(session: session, survivors: survivors))
      }
    }
    #expect(answer([1, 2]).contains("2 survivors, where the threshold is 3"))
    #expect(answer([1, 2, 2]).contains("twice, out of order"))
    #expect(answer([1, 3, 4]).contains("without itself"))
    // Client 4 sent its keys, but shared no secrets.
    #expect(answer([1, 2, 3, 4]).contains("client 4 as a survivor, who shared no secrets"))
    #expect(answer([1, 2, 4]).contains("client 4 as a survivor"))
    #expect(
      self.answer { _ = try client.confirm(SurvivorList(session: session, survivors: [1, 2, 3])) }
        .contains("for servers that may lie"))
    #expect(answer([1, 2, 3]) == "taken")
  }

  /// Whatever lists a server sends, in whatever order, it gets one share of each party at most.
  @Test(arguments: [false, true])
  func neverBothSharesOfOneParty(_ active: Bool) throws {
    var parties = try Parties(6, threshold: active ? 5 : 4, active: active)
    let everyone = Array(1...6)
    let lists = try parties.shares(parties.keyList(everyone), everyone)
    for number in everyone { _ = try parties.vector(number, lists) }
    let session = parties.server.session
    // Everyone signs that all survived; some were told something else.
    var honest = parties.clients
    let all = SurvivorList(session: session, survivors: everyone)
    let signatures = active ? try everyone.map { try honest[$0 - 1].confirm(all) } : []
    var random = RandomSource(seed: 21)
    for trial in 0..<200 {
      var client = parties.clients[trial % 6]
      var given: [Int: Set<SharedSecretKind>] = [:]
      var answers = 0
      for _ in 0..<12 {
        let size = random.integer(below: 7)
        let survivors = random.permutation(of: 6).prefix(size).map { $0 + 1 }.sorted()
        let list = SurvivorList(session: session, survivors: survivors)
        let shares: UnmaskingShares?
        if active {
          _ = try? client.confirm(list)
          let some = signatures.filter { _ in random.integer(below: 8) > 0 }
          shares = try? client.unmasking(SignatureList(session: session, entries: some))
        } else {
          shares = try? client.unmasking(list)
        }
        guard let shares else { continue }
        answers += 1
        for share in shares.shares { given[share.owner, default: []].insert(share.secret) }
      }
      #expect(answers <= 1)
      #expect(given.values.allSatisfy { $0.count == 1 })
      if active { #expect(given.values.allSatisfy { $0 == [.ownSeed] }) }
    }
  }

  @Test func aServerThatMayLieIsHeldToOneList() throws {
    var parties = try Parties(6, active: true)
    let everyone = Array(1...6)
    let lists = try parties.shares(parties.keyList(everyone), everyone)
    for number in everyone { _ = try parties.vector(number, lists) }
    let session = parties.server.session
    let all = SurvivorList(session: session, survivors: everyone)
    let most = SurvivorList(session: session, survivors: [1, 2, 3, 4, 5])
    let told = try everyone.map { try parties.clients[$0 - 1].confirm($0 < 3 ? most : all) }
    var client = parties.clients[5]
    func answer(_ entries: [SurvivorSignature]) -> String {
      self.answer { _ = try client.unmasking(SignatureList(session: session, entries: entries)) }
    }
    #expect(answer(told).contains("client 1 for another list of survivors"))
    #expect(answer(Array(told.dropFirst(2))).contains("signatures of 4 clients, where 5 of the 6"))
    #expect(answer(Array(told.suffix(1)) + told).contains("twice, out of order"))
    #expect(self.answer { _ = try client.unmasking(all) }.contains("before it has seen"))
    #expect(self.answer { _ = try client.confirm(most) }.contains("when it waits for none"))
  }

  @Test func keysInTheMiddleAreNotSigned() throws {
    var parties = try Parties(4, active: true)
    let list = try parties.keyList(Self.everyone)
    var random = RandomSource(seed: 22)
    var stranger = try SecureAggregationClient(
      number: 1, settings: SecureAggregationSettings(clientCount: 4, vectorLength: 6),
      session: list.session, randomness: random)
    let keys = try stranger.advertiseKeys()
    let own = try SecureAggregationIdentity(using: &random)
    for signature in [
      list.entries[0].signature, nil,
      try own.signature(
        of: parties.server.context.keyStatement(
          client: 1, sharingKey: keys.sharingKey, maskingKey: keys.maskingKey)),
    ] {
      var entries = list.entries
      entries[0] = KeyAdvertisement(
        session: list.session, sender: 1, sharingKey: keys.sharingKey, maskingKey: keys.maskingKey,
        signature: signature)
      let answer = answer {
        _ = try parties.clients[1].shareKeys(for: KeyList(session: list.session, entries: entries))
      }
      #expect(answer.contains("keys of client 1 that this client did not sign"))
    }
  }

  @Test func secretsFollowTheirGenerator() throws {
    let (first, second) = (try Parties(3, seed: 5), try Parties(3, seed: 5))
    var (one, two) = (first.clients[0], second.clients[0])
    #expect(try one.advertiseKeys() == two.advertiseKeys())
    var real = try SecureAggregationClient(
      number: 1, settings: first.settings, session: first.server.session)
    var other = try SecureAggregationClient(
      number: 1, settings: first.settings, session: first.server.session)
    #expect(try real.advertiseKeys() != other.advertiseKeys())
  }
}
