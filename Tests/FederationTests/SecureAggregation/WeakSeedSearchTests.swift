import Solvers
import Testing

@testable import Federation

@Suite struct WeakSeedSearchTests {
  /// Client 2's vector comes after the server has taken it for dropped out: its own mask is all that hides it.
  private func lateVector(seedBits: Int) throws -> (
    Parties, SecureAggregationKnowledge, MaskedVector
  ) {
    var parties = try Parties(4, length: 200, seedBits: seedBits)
    let everyone = [1, 2, 3, 4]
    let lists = try parties.shares(parties.keyList(everyone), everyone)
    for number in [1, 3, 4] {
      try parties.server.receive(parties.vector(number, lists), from: number)
    }
    let list = try parties.server.closeMaskedInputs()
    let late = try parties.vector(2, lists)
    #expect(kind { try parties.server.receive(late, from: 2) } == .refused)
    for number in [1, 3, 4] {
      try parties.server.receive(parties.clients[number - 1].unmasking(list), from: number)
    }
    #expect(try parties.server.unmaskedSum().words == parties.sum(of: [1, 3, 4]))
    return (parties, try parties.server.rebuiltSecrets(), late)
  }

  @Test func aLateVectorUnderAWeakSeedIsRead() throws {
    let (parties, knowledge, late) = try lateVector(seedBits: 16)
    let (words, masks) = try knowledge.residual(of: late)
    #expect(masks == [.own])
    let truth = parties.inputs[1]
    #expect(words != truth)
    let search = try WeakSeedSearch(
      seedBits: 16, maskedWords: [7: words[7]], knownWords: [7: truth[7], 9: truth[9]],
      sign: knowledge.sign(of: .own, in: 2))
    #expect(search.expectedFalseSeeds < 1e-4)
    let outcome = try search.run()
    let seed = try #require(outcome.seed)
    var read = words
    try MaskingGenerator(seed: seed).apply(.minus, to: &read)
    #expect(read == truth)
    #expect(outcome.tried <= 65_536 && outcome.seedsPerSecond > 0)
    print("seeds tried in a second: \(Int(outcome.seedsPerSecond))")
  }

  @Test func aWholeSeedIsNotFound() throws {
    let (parties, knowledge, late) = try lateVector(seedBits: 256)
    let words = try knowledge.residual(of: late).words
    let truth = parties.inputs[1]
    let search = try WeakSeedSearch(
      seedBits: 16, maskedWords: [7: words[7], 8: words[8]],
      knownWords: [7: truth[7], 8: truth[8]],
      sign: .plus)
    let outcome = try search.run()
    #expect(outcome.seed == nil && outcome.tried == 65_536)
    #expect(try search.run(limit: 100).tried == 100)
  }

  /// All but one of the others tell the server their mask keys.
  @Test(arguments: [1, 3])
  func colludingClientsLeaveOneMask(_ other: Int) throws {
    let everyone = [1, 2, 3]
    let victim = 2
    var parties = try Parties(3, length: 50, seedBits: 12, seed: 40)
    let lists = try parties.shares(parties.keyList(everyone), everyone)
    let colluder = 4 - other
    let key = try #require(parties.clients[colluder - 1].maskingKey)
    var vectors: [Int: MaskedVector] = [:]
    for number in everyone {
      vectors[number] = try parties.vector(number, lists)
      try parties.server.receive(try #require(vectors[number]), from: number)
    }
    let list = try parties.server.closeMaskedInputs()
    for number in everyone {
      try parties.server.receive(parties.clients[number - 1].unmasking(list), from: number)
    }
    var knowledge = try parties.server.rebuiltSecrets()
    let vector = try #require(vectors[victim])
    #expect(try knowledge.residual(of: vector).masks == [.pair(with: 1), .pair(with: 3)])
    #expect(kind { try knowledge.learn(maskingKey: key, of: other) } == .badInput)
    try knowledge.learn(maskingKey: key, of: colluder)
    let (words, masks) = try knowledge.residual(of: vector)
    #expect(masks == [.pair(with: other)])
    let truth = parties.inputs[victim - 1]
    let sign = knowledge.sign(of: masks[0], in: victim)
    let outcome = try WeakSeedSearch(
      seedBits: 12, maskedWords: [0: words[0], 49: words[49]],
      knownWords: [0: truth[0], 49: truth[49]], sign: sign
    ).run()
    var read = words
    try MaskingGenerator(seed: try #require(outcome.seed)).apply(sign.opposite, to: &read)
    #expect(read == truth)
  }

  @Test func searchesThatCannotEndAreRefused() {
    for bits in [0, 41] {
      #expect(
        kind {
          _ = try WeakSeedSearch(
            seedBits: bits, maskedWords: [0: 1], knownWords: [0: 1], sign: .plus)
        } == .badInput)
    }
    #expect(
      kind {
        _ = try WeakSeedSearch(seedBits: 8, maskedWords: [1: 1], knownWords: [0: 1], sign: .plus)
      } == .badInput)
  }
}
