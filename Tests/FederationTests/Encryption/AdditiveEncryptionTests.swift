import Solvers
import Testing

@testable import Federation

/// Both schemes with fast keys, through the face that a round uses.
@Suite struct AdditiveEncryptionTests {
  private static let schemes: [EncryptionScheme] = [.paillier2048, .ckks]

  private func keys(_ scheme: EncryptionScheme, seed: UInt64 = 1) -> any AdditiveEncryption {
    var random = RandomSource(seed: seed)
    return scheme.generateKeys(using: &random)
  }

  private func values(_ count: Int, _ seed: UInt64) -> [Double] {
    var random = RandomSource(seed: seed)
    return (0..<count).map { _ in random.uniform(in: -2..<2) }
  }

  @Test(arguments: schemes)
  func serverAddsWhatClientsSendAndClientsReadTheSum(scheme: EncryptionScheme) throws {
    var random = RandomSource(seed: 2)
    let client = try scheme.keys(bytes: keys(scheme).bytes)
    let server = try scheme.keys(bytes: client.publicPart.bytes)
    #expect(client.holdsSecretKey && !server.holdsSecretKey && server.keyName == client.keyName)
    let count = scheme.valuesPerCiphertext + 3
    let (first, second) = (values(count, 3), values(count, 4))
    let messages = [
      try client.encrypt(first, using: &random), try client.encrypt(second, using: &random),
      // Also a party that has the public key alone.
      try server.encrypt(first, using: &random),
    ].map(\.bytes)
    #expect(
      messages.allSatisfy { $0.count == EncryptedVector.byteCount(scheme, count: count) })
    var received = try messages.map { try EncryptedVector(bytes: $0, count: count, keys: server) }
    received[1] = try server.product(received[1], by: 5)
    let sum = try server.sum(received)
    #expect(sum.weight == 7 && sum.ciphertexts.count == 2)

    let decrypted = try client.decrypt(
      EncryptedVector(bytes: sum.bytes, count: count, keys: client))
    #expect(decrypted.count == count)
    for index in 0..<count {
      #expect(abs(decrypted[index] - (2 * first[index] + 5 * second[index])) < 1e-6)
    }
    let error = #expect(throws: FederationError.self) { try server.decrypt(sum) }
    #expect(error?.kind == .badInput)
  }

  @Test(arguments: schemes)
  func theSameSeedGivesTheSameBytes(scheme: EncryptionScheme) throws {
    let keys = keys(scheme)
    #expect(keys.bytes == self.keys(scheme).bytes)
    var (first, second) = (RandomSource(seed: 5), RandomSource(seed: 5))
    let values = values(100, 6)
    let vector = try keys.encrypt(values, using: &first)
    #expect(try keys.encrypt(values, using: &second) == vector)
    #expect(try keys.encrypt(values, using: &second) != vector)
  }

  @Test(arguments: schemes)
  func emptyVectorsStayEmpty(scheme: EncryptionScheme) throws {
    var random = RandomSource(seed: 7)
    let keys = keys(scheme)
    let vector = try keys.encrypt([], using: &random)
    #expect(vector.ciphertexts.isEmpty)
    #expect(try keys.decrypt(keys.sum(vector, vector)) == [])
  }

  @Test(arguments: schemes)
  func whatDoesNotBelongTogetherIsRefused(scheme: EncryptionScheme) throws {
    var random = RandomSource(seed: 8)
    let (keys, others) = (keys(scheme), keys(scheme, seed: 9))
    let vector = try keys.encrypt([1, 2], using: &random)
    let foreign = try others.encrypt([1, 2], using: &random)
    let longer = try keys.encrypt([1, 2, 3], using: &random)
    for refused in [
      #expect(throws: FederationError.self) { try keys.sum(vector, foreign) },
      #expect(throws: FederationError.self) { try keys.sum(vector, longer) },
      #expect(throws: FederationError.self) { try others.decrypt(vector) },
      #expect(throws: FederationError.self) { try others.product(vector, by: 2) },
      #expect(throws: FederationError.self) {
        try EncryptedVector(bytes: foreign.bytes, count: 2, keys: keys)
      },
      #expect(throws: FederationError.self) {
        try EncryptedVector(bytes: vector.bytes, count: 3, keys: keys)
      },
      #expect(throws: FederationError.self) {
        try EncryptedVector(bytes: vector.bytes.dropLast(), count: 2, keys: keys)
      },
      #expect(throws: FederationError.self) {
        try EncryptedVector(bytes: [], count: 2, keys: keys)
      },
    ] { #expect(refused?.kind == .refused) }
  }

  @Test(arguments: schemes)
  func messagesThatLieAreRefused(scheme: EncryptionScheme) throws {
    var random = RandomSource(seed: 10)
    let keys = keys(scheme)
    let bytes = try keys.encrypt([1, 2], using: &random).bytes
    // Each byte of the header: mark, version, scheme, key, count; and a weight of 0 or too large.
    for place in 0..<22 {
      var wrong = bytes
      wrong[place] ^= 0x40
      #expect(throws: FederationError.self, "byte \(place)") {
        try EncryptedVector(bytes: wrong, count: 2, keys: keys)
      }
    }
    for (place, value) in [(22, 0), (29, 0xFF)] {
      var wrong = bytes
      wrong[place] = UInt8(value)
      #expect(throws: FederationError.self) {
        try EncryptedVector(bytes: wrong, count: 2, keys: keys)
      }
    }
    var wrong = bytes
    for index in 30..<wrong.count { wrong[index] = 0xFF }
    #expect(throws: FederationError.self) {
      try EncryptedVector(bytes: wrong, count: 2, keys: keys)
    }
  }

  @Test(arguments: schemes)
  func weightsAreBounded(scheme: EncryptionScheme) throws {
    var random = RandomSource(seed: 11)
    let keys = keys(scheme)
    let vector = try keys.encrypt([1.5, -2], using: &random)
    let largest = try keys.product(vector, by: scheme.maximumWeight)
    let sum = try keys.decrypt(largest)
    #expect(abs(sum[0] / Double(scheme.maximumWeight) - 1.5) < 1e-6)
    #expect(abs(sum[1] / Double(scheme.maximumWeight) + 2) < 1e-6)
    for factor in [0, -1, scheme.maximumWeight + 1, Int.max] {
      #expect(throws: FederationError.self) { try keys.product(vector, by: factor) }
    }
    let error = #expect(throws: FederationError.self) { try keys.sum(largest, vector) }
    #expect(error?.message.contains("\(scheme.maximumWeight)") == true)
  }

  @Test(arguments: schemes)
  func meansAreWeightedByExamples(scheme: EncryptionScheme) throws {
    var random = RandomSource(seed: 15)
    let keys = keys(scheme)
    let vectors = try [[1.0, -8], [4, 0.5]].map { try keys.encrypt($0, using: &random) }
    let sum = try keys.weightedSum([(vectors[0], 20_000), (vectors[1], 40_000)])
    #expect(sum.weight == 3)
    let mean = try keys.decryptMean(sum)
    #expect(abs(mean[0] - 3) < 1e-6 && abs(mean[1] + 7 / 3.0) < 1e-6)
    #expect(try keys.weightedSum([(vectors[0], 7)]).weight == 1)
    for weights in [[1, 0], [0, 0], [3, -3], [Int.min, Int.max]] {
      #expect(throws: FederationError.self, "\(weights)") {
        try keys.weightedSum([(vectors[0], weights[0]), (vectors[1], weights[1])])
      }
    }
    #expect(throws: FederationError.self) { try keys.weightedSum([]) }
  }

  @Test(arguments: schemes)
  func valuesThatDoNotFitAreRefused(scheme: EncryptionScheme) throws {
    var random = RandomSource(seed: 12)
    let keys = keys(scheme)
    for value in [scheme.bound, -2 * scheme.bound, .nan, .infinity] {
      let error = #expect(throws: FederationError.self) {
        try keys.encrypt([0, 0, value], using: &random)
      }
      #expect(error?.kind == .badInput && error?.message.contains("value 2") == true)
    }
  }

  @Test(arguments: schemes)
  func keysThatAreNotWholeAreRefused(scheme: EncryptionScheme) throws {
    let bytes = keys(scheme).bytes
    let foreign = keys(scheme, seed: 13).bytes
    #expect(throws: FederationError.self) { try scheme.keys(bytes: bytes.dropLast()) }
    #expect(throws: FederationError.self) { try scheme.keys(bytes: []) }
    if scheme == .paillier2048 {
      let mixed = bytes.prefix(256) + foreign.suffix(256)
      #expect(throws: FederationError.self) { try scheme.keys(bytes: mixed) }
      #expect(throws: FederationError.self) { try EncryptionScheme.paillier.keys(bytes: bytes) }
    }
  }

  @Test func costsAreThoseOfOneRound() throws {
    var random = RandomSource(seed: 14)
    let clients = (0..<3).map { values(50, 20 + $0) }
    let cost = try EncryptionCost.measure(.ckks, clients: clients, using: &random)
    #expect(cost.clients == 3 && cost.values == 50 && cost.ciphertexts == 1)
    #expect(cost.encryptedBytes == 204_800 + 30 && cost.plainBytes == 200)
    #expect(cost.largestError < 1e-7 && cost.relativeError < 1e-7 && cost.largestError > 0)
    #expect(cost.keyBytes == cost.publicKeyBytes + 2048)
    #expect(throws: FederationError.self) {
      try EncryptionCost.measure(.ckks, clients: [], using: &random)
    }
  }

  @Test func trustIsSaidOfEachScheme() {
    for scheme in EncryptionScheme.allCases {
      let trust = EncryptionTrust(scheme)
      #expect(trust.keyHolders == [.client] && trust.colludersToOpenAll == 1)
    }
    #expect(!EncryptionTrust(.ckks).decryptionsMayBeShared)
    #expect(EncryptionTrust(.paillier).decryptionsMayBeShared)
  }

  @Test func summariesSayHowManyNumbersGoIntoACiphertext() {
    #expect(EncryptionScheme.paillier.summary.contains("3072 bits, 65 numbers"))
    #expect(EncryptionScheme.paillier2048.summary.contains("2048 bits, 43 numbers"))
    #expect(EncryptionScheme.ckks.summary.contains("4096 numbers"))
    #expect(EncryptionScheme.ckks.ciphertexts(62_006) == 16)
    #expect(EncryptionScheme.paillier.ciphertexts(62_006) == 954)
  }
}
