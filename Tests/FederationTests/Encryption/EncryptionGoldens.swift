import Foundation
import TestSupport

@testable import Federation

/// What `scripts/fixtures/encryption.py` wrote.
struct EncryptionGoldens: Decodable {
  struct Paillier: Decodable {
    let p: String
    let q: String
    let plaintexts: [String]
    let randoms: [String]
    let ciphertexts: [String]
    let sum: String
  }

  struct Product: Decodable {
    let prime: UInt64
    let first: [UInt64]
    let second: [UInt64]
    let product: [UInt64]
  }

  struct Embedding: Decodable {
    let places: [Int]
    let coefficients: [Double]
  }

  let paillier: Paillier
  let product: Product
  let embedding: Embedding

  static func read() throws -> EncryptionGoldens {
    try JSONDecoder().decode(
      EncryptionGoldens.self,
      from: Data(contentsOf: URL(fileURLWithPath: fixtures + "/encryption/goldens.json")))
  }
}

extension [String] {
  var numbers: [BigInteger] { map { BigInteger(hexadecimal: $0)! } }
}
