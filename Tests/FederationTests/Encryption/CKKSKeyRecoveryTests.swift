import Solvers
import Testing

@testable import Federation

@Suite struct CKKSKeyRecoveryTests {
  private let client: any AdditiveEncryption
  private var random = RandomSource(seed: 1)

  init() { client = EncryptionScheme.ckks.generateKeys(using: &random) }

  private mutating func sum(_ count: Int, size: Double) throws -> EncryptedVector {
    let values = (0..<count).map { _ in size * random.normal() }
    return try client.sum((0..<3).map { _ in try client.encrypt(values, using: &random) })
  }

  @Test mutating func serverThatGetsOneDecryptedSumFindsTheKey() throws {
    let server = client.publicPart
    let sum = try sum(2 * 4096 + 10, size: 0.01)
    let keys = try #require(
      CKKSKeyRecovery.keys(server, vector: sum, decrypted: client.decrypt(sum)))
    #expect(keys.holdsSecretKey && keys.bytes == client.bytes)
    // And reads what any one client sends.
    let secret = try client.encrypt([1, 2, 3], using: &random)
    let read = try keys.decrypt(secret)
    #expect(zip(read, [1, 2, 3]).allSatisfy { abs($0 - $1) < 1e-7 })
  }

  @Test mutating func f32KeepsEnoughOfSmallNumbers() throws {
    let server = client.publicPart
    for (size, isFound) in [(3e-5, true), (0.01, false)] {
      let sum = try sum(2 * 4096, size: size)
      let rounded = try client.decrypt(sum).map { Double(Float($0)) }
      let keys = CKKSKeyRecovery.keys(server, vector: sum, decrypted: rounded)
      #expect((keys != nil) == isFound, "\(size)")
    }
  }

  @Test mutating func tooFewOrForeignNumbersGiveNothing() throws {
    let server = client.publicPart
    let sum = try sum(2 * 4096 - 1, size: 0.01)
    let decrypted = try client.decrypt(sum)
    #expect(CKKSKeyRecovery.keys(server, vector: sum, decrypted: decrypted) == nil)
    #expect(CKKSKeyRecovery.keys(server, vector: sum, decrypted: []) == nil)
    let other = try self.sum(2 * 4096, size: 0.01)
    let wrong = [Double](repeating: 0.5, count: 2 * 4096)
    #expect(CKKSKeyRecovery.keys(server, vector: other, decrypted: wrong) == nil)
    #expect(
      CKKSKeyRecovery.keys(
        server, vector: other, decrypted: wrong.map { _ in .infinity }) == nil)
  }
}
