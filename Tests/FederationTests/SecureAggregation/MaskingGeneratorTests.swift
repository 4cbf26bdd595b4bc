import Crypto
import Testing

@testable import Federation

@Suite struct MaskingGeneratorTests {
  /// NIST SP 800-38A, F.5.5, CTR-AES256.Encrypt.
  @Test func streamIsThatOfNIST() throws {
    let key = hex("603deb1015ca71be2b73aef0857d7781 1f352c073b6108d72d9810a30914dff4")
    let counter = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    let text = hex(
      """
      6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
      30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710
      """)
    let cipher = hex(
      """
      601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5
      2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6
      """)
    let stream = try MaskingGenerator.stream(64, key: SymmetricKey(data: key), counter: counter)
    #expect(zip(text, stream).map { $0 ^ $1 } == cipher)
  }

  /// AES-256 of the blocks 0, 1 and 2 under the key zero: NIST's known answer, and the first counters of GCM's test cases 13 and 14.
  @Test func wordsBeginWithCounterZero() throws {
    let bytes = hex(
      """
      dc95c078a2408989ad48a21492842087 530f8afbc74536b9a963b4f1c4cb738b
      cea7403d4d606b6e074ec5d3baf39d18
      """)
    let generator = MaskingGenerator(seed: [UInt8](repeating: 0, count: 32))
    var words = [UInt32](repeating: 0, count: 12)
    try generator.apply(.plus, to: &words)
    let expected = (0..<12).map { word in
      (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[4 * word + 3 - $1]) }
    }
    #expect(words == expected)
    #expect(try (0..<12).map { try generator.word(at: $0) } == words)
  }

  @Test(arguments: [0, 1, 3, 5, 16_384, 16_385, 40_001])
  func blocksJoin(_ count: Int) throws {
    let generator = MaskingGenerator(seed: (0..<32).map { UInt8($0) })
    let start = (0..<count).map { UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) }
    var words = start
    try generator.apply(.plus, to: &words)
    for index in stride(from: 0, to: count, by: 997) {
      #expect(words[index] == start[index] &+ (try generator.word(at: index)))
    }
    try generator.apply(.minus, to: &words)
    #expect(words == start)
  }

  @Test func seedsAreAsShortAsAsked() throws {
    let seed = [UInt8](repeating: 0xFF, count: 32)
    #expect(MaskingGenerator.shortened(seed, to: 256) == seed)
    #expect(
      MaskingGenerator.shortened(seed, to: 20)
        == [0xFF, 0xFF, 0x0F] + [UInt8](repeating: 0, count: 29))
    #expect(MaskingGenerator.shortened(seed, to: 1).prefix(2) == [1, 0])
    let other = [0xFF, 0xFF, 0x1F] + [UInt8](repeating: 0x55, count: 29)
    #expect(
      try MaskingGenerator(seed: seed, seedBits: 20).word(at: 9)
        == MaskingGenerator(seed: other, seedBits: 20).word(at: 9))
    #expect(
      try MaskingGenerator(seed: seed).word(at: 9) != MaskingGenerator(seed: other).word(at: 9))
  }
}
