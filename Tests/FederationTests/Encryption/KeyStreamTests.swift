import Solvers
import Testing

@testable import Federation

@Suite struct KeyStreamTests {
  private struct Zeros: RandomNumberGenerator {
    mutating func next() -> UInt64 { 0 }
  }

  @Test func beginsAsAESDoes() {
    var zeros = Zeros()
    var stream = KeyStream(keyFrom: &zeros)
    // AES-256 of the block 0 under the key 0: dc95c078a2408989ad48a21492842087.
    #expect(stream.next() == 0x8989_40A2_78C0_95DC)
    #expect(stream.next() == 0x8720_8492_14A2_48AD)
  }

  @Test func neverRepeats() {
    var random = RandomSource(seed: 1)
    var stream = KeyStream(keyFrom: &random)
    let drawn = (0..<10_000).map { _ in stream.next() }
    #expect(Set(drawn).count == drawn.count)
    var other = KeyStream(keyFrom: &random)
    #expect(other.next() != drawn[0])
  }
}
