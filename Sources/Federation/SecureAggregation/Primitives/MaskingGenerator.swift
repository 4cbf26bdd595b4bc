import Crypto
import CryptoExtras
import Foundation

/// The words that hide a vector: AES-256 in counter mode (NIST SP 800-38A) under a seed of 32 bytes as its key, from counter
/// zero, read as little-endian words of 32 bits.
///
/// Words are made in blocks of 64 KiB, so that memory does not grow with the vector.
package struct MaskingGenerator: Sendable {
  /// What happens to the words.
  package enum Sign: Sendable {
    case plus, minus

    /// The other one.
    package var opposite: Sign { self == .plus ? .minus : .plus }
  }

  /// Bytes of a seed.
  package static let seedCount = 32
  /// Words of one cipher block.
  package static let wordsPerBlock = 4

  private let key: SymmetricKey
  private static let wordsPerStep = 1 << 14
  private static let zeros = [UInt8](repeating: 0, count: 4 * wordsPerStep)

  /// The generator of a seed.
  ///
  /// - Parameters:
  ///   - seed: 32 bytes.
  ///   - seedBits: bits of it that enter, 1 to 256, the lowest of the first bytes; the others are taken as zero. Below 256 the mask is weak,
  ///     for study of what that costs: ``WeakSeedSearch``.
  package init(seed: [UInt8], seedBits: Int = 256) {
    precondition(seed.count == MaskingGenerator.seedCount, "a seed of \(seed.count) bytes")
    precondition((1...256).contains(seedBits), "a seed of \(seedBits) bits")
    key = SymmetricKey(data: MaskingGenerator.shortened(seed, to: seedBits))
  }

  /// A seed with all but its first `bits` bits zero.
  package static func shortened(_ seed: [UInt8], to bits: Int) -> [UInt8] {
    seed.enumerated().map { index, byte in
      let left = bits - 8 * index
      return left >= 8 ? byte : left <= 0 ? 0 : byte & (1 << UInt8(left) - 1)
    }
  }

  /// Adds the first `words.count` words to `words`, or subtracts them, modulo 2^32.
  package func apply(_ sign: Sign, to words: inout [UInt32]) throws(FederationError) {
    try words.withUnsafeMutableBufferPointer { (words) throws(FederationError) in
      var start = 0
      while start < words.count {
        let count = min(MaskingGenerator.wordsPerStep, words.count - start)
        let stream = try bytes(4 * count, fromBlock: start / MaskingGenerator.wordsPerBlock)
        stream.withUnsafeBytes { stream in
          switch sign {
          case .plus:
            for index in 0..<count { words[start + index] &+= word(index, of: stream) }
          case .minus:
            for index in 0..<count { words[start + index] &-= word(index, of: stream) }
          }
        }
        start += count
      }
    }
  }

  /// The word that hides one coordinate.
  package func word(at coordinate: Int) throws(FederationError) -> UInt32 {
    let block = coordinate / MaskingGenerator.wordsPerBlock
    return try bytes(16, fromBlock: block).withUnsafeBytes {
      word(coordinate % MaskingGenerator.wordsPerBlock, of: $0)
    }
  }

  private func word(_ index: Int, of stream: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(littleEndian: stream.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
  }

  /// At most 64 KiB of the cipher's stream from a block of 16 bytes on.
  func bytes(_ count: Int, fromBlock block: Int) throws(FederationError) -> Data {
    // The counter of SP 800-38A is big-endian.
    var counter = [UInt8](repeating: 0, count: 16)
    withUnsafeBytes(of: UInt64(block).bigEndian) { counter.replaceSubrange(8..<16, with: $0) }
    return try MaskingGenerator.stream(count, key: key, counter: counter)
  }

  /// At most 64 KiB of the cipher's stream from a counter of 16 bytes on.
  static func stream(_ count: Int, key: SymmetricKey, counter: [UInt8]) throws(FederationError)
    -> Data
  {
    try cryptography {
      try AES._CTR.encrypt(
        zeros[..<count], using: key, nonce: AES._CTR.Nonce(nonceBytes: counter))
    }
  }
}
