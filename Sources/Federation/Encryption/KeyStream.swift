/// Random numbers as ``MaskingGenerator`` makes them out of a key: as secret as the key, and a hundred times faster
/// than asking the system for each.
package struct KeyStream: RandomNumberGenerator {
  private let cipher: MaskingGenerator
  private var words: [UInt64] = []
  private var position = 0
  private var block = 0

  private static let wordsPerFill = 2048

  /// - Parameter generator: where the 256 bits of the key come from.
  package init(keyFrom generator: inout some RandomNumberGenerator) {
    let key = (0..<4).map { _ in generator.next().littleEndian as UInt64 }
    cipher = MaskingGenerator(seed: key.withUnsafeBytes { Array($0) })
  }

  /// 64 random bits.
  package mutating func next() -> UInt64 {
    if position == words.count { fill() }
    defer { position += 1 }
    return words[position]
  }

  private mutating func fill() {
    guard let stream = try? cipher.bytes(8 * KeyStream.wordsPerFill, fromBlock: block) else {
      preconditionFailure("AES refused a key of 256 bits")
    }
    words = stream.withUnsafeBytes { bytes in
      (0..<KeyStream.wordsPerFill).map {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self))
      }
    }
    position = 0
    // Of 16 bytes.
    block += KeyStream.wordsPerFill / 2
  }
}
