import Foundation
import Solvers
import Testing

@testable import Federation

/// Ciphertexts that python-paillier made and is to decrypt, and vectors that TenSEAL encrypts too; scripts/compare/encryption.py.
@Suite struct EncryptionAgreementTests {
  private struct Theirs: Decodable {
    let p: String
    let q: String
    let plaintexts: [String]
    let ciphertexts: [String]
    let vectors: [[Double]]
  }

  private struct Ours: Encodable {
    let byPublicKey: [String]
    let bySecretKey: [String]
    /// Theirs and ours.
    let sums: [String]
    let decrypted: [String]
    let costs: [String: EncryptionCost]
    let primes: [UInt64]
  }

  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["GRADLEAK_ENCRYPTION_EXCHANGE"] != nil))
  func answers() throws {
    let folder = URL(
      fileURLWithPath: ProcessInfo.processInfo.environment["GRADLEAK_ENCRYPTION_EXCHANGE"] ?? "")
    let theirs = try JSONDecoder().decode(
      Theirs.self, from: Data(contentsOf: folder.appendingPathComponent("theirs.json")))
    let key = try PaillierSecretKey(
      p: #require(BigInteger(hexadecimal: theirs.p)), q: #require(BigInteger(hexadecimal: theirs.q))
    )
    var random = SystemRandomNumberGenerator()
    let byPublicKey = theirs.plaintexts.numbers.map {
      key.publicKey.encrypt($0, using: &random)
    }
    var costs: [String: EncryptionCost] = [:]
    for scheme in EncryptionScheme.allCases {
      costs[scheme.rawValue] = try .measure(scheme, clients: theirs.vectors, using: &random)
    }
    let ours = Ours(
      byPublicKey: byPublicKey.map(\.description),
      bySecretKey: theirs.plaintexts.numbers.map { key.encrypt($0, using: &random).description },
      sums: zip(theirs.ciphertexts.numbers, byPublicKey).map {
        key.publicKey.sum($0, $1).description
      },
      decrypted: theirs.ciphertexts.numbers.map { key.decrypt($0).description }, costs: costs,
      primes: CKKSRing.standard.transforms.map(\.modulus.value))
    try JSONEncoder().encode(ours).write(to: folder.appendingPathComponent("ours.json"))
  }
}
