/// SplitMix64: the n-th input of a seed is the same everywhere.
package struct FuzzGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(state: UInt64) {
    self.state = state
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The input number `index`: a seed file with a few changes, sometimes spliced with another.
///
/// - Parameter words: what may be inserted, besides changes of bytes.
package func fuzzInput(
  _ index: Int, seed: UInt64, from seeds: [[UInt8]], words: [[UInt8]] = []
) -> [UInt8] {
  var generator = FuzzGenerator(state: seed &* 0x2545_F491_4F6C_DD1D &+ UInt64(index))
  var bytes = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
  if Int.random(in: 0..<16, using: &generator) == 0 {
    let other = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
    let cut = Int.random(in: 0...min(bytes.count, other.count), using: &generator)
    bytes = Array(bytes[..<cut] + other[cut...])
  }
  return bytes.mutated(words: words, using: &generator)
}

extension Array where Element == UInt8 {
  /// A copy with 1, 2, 4, 8 or 16 changes: bits flipped, bytes overwritten, inserted, removed or
  /// repeated, numbers at their ends, an early end, or words inserted, once or many times over.
  package func mutated(words: [[UInt8]] = [], using generator: inout FuzzGenerator) -> [UInt8] {
    var bytes = self
    for _ in 0..<(1 << Int.random(in: 0...4, using: &generator)) where !bytes.isEmpty {
      if !words.isEmpty, Bool.random(using: &generator) {
        insertWord(of: words, into: &bytes, &generator)
      } else {
        mutate(&bytes, &generator)
      }
    }
    return bytes
  }
}

private func insertWord(
  of words: [[UInt8]], into bytes: inout [UInt8], _ generator: inout FuzzGenerator
) {
  guard let word = words.randomElement(using: &generator) else { return }
  let position = Int.random(in: 0...bytes.count, using: &generator)
  // Deep nesting and long runs are inputs of their own.
  let isRepeated = Int.random(in: 0..<32, using: &generator) == 0
  let times = isRepeated ? 1 << Int.random(in: 1...13, using: &generator) : 1
  let end = Bool.random(using: &generator) ? min(position + word.count, bytes.count) : position
  bytes.replaceSubrange(
    position..<end, with: repeatElement(word, count: times).joined())
}

private func mutate(_ bytes: inout [UInt8], _ generator: inout FuzzGenerator) {
  // Headers decide more than data: half of all changes are near the beginning.
  let reach = Bool.random(using: &generator) ? min(bytes.count, 512) : bytes.count
  let position = Int.random(in: 0..<reach, using: &generator)
  switch Int.random(in: 0..<9, using: &generator) {
  case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
  case 1: bytes[position] = UInt8.random(in: 0...255, using: &generator)
  case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
  case 3: bytes.remove(at: position)
  case 4:
    let end = min(position + Int.random(in: 1...64, using: &generator), bytes.count)
    bytes.insert(contentsOf: Array(bytes[position..<end]), at: position)
  case 5: bytes.removeLast(bytes.count - position)
  case 6: bytes[position] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
  case 7:
    // A number of some width at one of its ends.
    let width = [2, 4, 8].randomElement(using: &generator) ?? 4
    let fill: UInt8 = Bool.random(using: &generator) ? 0xFF : 0
    for offset in position..<min(position + width, bytes.count) { bytes[offset] = fill }
  default:
    // A digit, for lengths written as text.
    bytes[position] = UInt8.random(in: 48...57, using: &generator)
  }
}
