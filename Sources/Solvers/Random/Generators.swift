/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014):
/// turns any seed, also 0 or 1, into well-mixed bits.
struct SplitMix64: Hashable, Sendable {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
  }
}

/// xoshiro256++ 1.0 (Blackman and Vigna, <https://prng.di.unimi.it>): period 2^256 - 1.
struct Xoshiro256PlusPlus: Hashable, Sendable {
  private var s0: UInt64
  private var s1: UInt64
  private var s2: UInt64
  private var s3: UInt64

  /// Starts from a state, which must not be all zero.
  init(_ s0: UInt64, _ s1: UInt64, _ s2: UInt64, _ s3: UInt64) {
    precondition(s0 | s1 | s2 | s3 != 0, "the state of xoshiro256++ must not be all zero")
    (self.s0, self.s1, self.s2, self.s3) = (s0, s1, s2, s3)
  }

  mutating func next() -> UInt64 {
    let result = rotated(s0 &+ s3, by: 23) &+ s0
    let shifted = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = rotated(s3, by: 45)
    return result
  }

  private func rotated(_ bits: UInt64, by count: UInt64) -> UInt64 {
    bits << count | bits >> (64 - count)
  }
}
