import Crypto
import CryptoExtras
import Foundation

/// Random numbers as AES-256 in counter mode makes them out of a key: as secret as the key, and a hundred times faster
/// than asking the system for each.
package struct KeyStream: RandomNumberGenerator {
  private let key: SymmetricKey
  private var words: [UInt64] = []
  private var position = 0
  private var block: UInt64 = 0

  private static let zeros = Data(count: 16_384)

  /// - Parameter generator: where the 256 bits of the key come from.
  package init(keyFrom generator: inout some RandomNumberGenerator) {
    let key = (0..<4).map { _ in generator.next().littleEndian as UInt64 }
    self.key = key.withUnsafeBytes { SymmetricKey(data: $0) }
  }

  /// 64 random bits.
  package mutating func next() -> UInt64 {
    if position == words.count { fill() }
    defer { position += 1 }
    return words[position]
  }

  private mutating func fill() {
    let nonce = withUnsafeBytes(of: block.littleEndian) { Array($0) + [0, 0, 0, 0] }
    guard let nonce = try? AES._CTR.Nonce(nonceBytes: nonce),
      let stream = try? AES._CTR.encrypt(KeyStream.zeros, using: key, nonce: nonce)
    else { preconditionFailure("AES refused a key of 256 bits with a nonce of 96") }
    words = stream.withUnsafeBytes { bytes in
      bytes.bindMemory(to: UInt64.self).map(UInt64.init(littleEndian:))
    }
    position = 0
    block += 1
  }
}
