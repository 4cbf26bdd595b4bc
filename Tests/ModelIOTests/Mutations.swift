/// SplitMix64: repeatable mutations without a dependency on the code under test.
struct TestGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension Array where Element == UInt8 {
  /// A copy with a few bytes flipped, overwritten, inserted, removed or repeated, or cut short.
  func mutated(using generator: inout TestGenerator) -> [UInt8] {
    var bytes = self
    for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
      let position = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[position] = UInt8.random(in: 0...255, using: &generator)
      case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
      case 3: bytes.remove(at: position)
      case 4:
        let end = Swift.min(position + Int.random(in: 1...16, using: &generator), bytes.count)
        bytes.insert(contentsOf: Array(bytes[position..<end]), at: position)
      default: bytes.removeLast(bytes.count - position)
      }
    }
    return bytes
  }
}
