import CGMP

/// An integer of any length, by GMP. It never changes once it is made, so that threads may share it.
package final class BigInteger: @unchecked Sendable {
  private let number: UnsafeMutablePointer<__mpz_struct>

  private init(_ compute: (UnsafeMutablePointer<__mpz_struct>) -> Void) {
    number = .allocate(capacity: 1)
    __gmpz_init(number)
    compute(number)
  }

  deinit {
    __gmpz_clear(number)
    number.deallocate()
  }

  package convenience init(_ value: UInt) {
    self.init { __gmpz_set_ui($0, value) }
  }

  /// - Parameter bytes: of a number that is not negative, the most significant first.
  package convenience init(bigEndian bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    self.init { __gmpz_import($0, bytes.count, 1, 1, 1, 0, bytes) }
  }

  /// - Parameter words: 64 bits each, the least significant first.
  package convenience init(words: [UInt64]) {
    self.init { __gmpz_import($0, words.count, -1, 8, 0, 0, words) }
  }

  /// - Parameter hexadecimal: digits without a prefix; nil where there is another character.
  package convenience init?(hexadecimal: String) {
    guard !hexadecimal.isEmpty, hexadecimal.allSatisfy(\.isHexDigit) else { return nil }
    self.init { _ = __gmpz_set_str($0, hexadecimal, 16) }
  }

  /// A number in 0..<`bound`, without bias.
  package static func random(
    below bound: BigInteger, using generator: inout some RandomNumberGenerator
  ) -> BigInteger {
    precondition(bound > BigInteger(0), "cannot draw a number below \(bound)")
    while true {
      let candidate = random(bits: bound.bitWidth, using: &generator)
      if candidate < bound { return candidate }
    }
  }

  /// A prime of exactly `bits` bits, at least 16, whose two highest bits are set: the product of two such has twice
  /// as many bits. Tested by GMP: Baillie-PSW, then Miller-Rabin.
  package static func randomPrime(
    bits: Int, using generator: inout some RandomNumberGenerator
  ) -> BigInteger {
    precondition(bits >= 16, "a prime of \(bits) bits is too short to draw")
    while true {
      let candidate = random(bits: bits, using: &generator)
      let odd = BigInteger {
        __gmpz_set($0, candidate.number)
        __gmpz_setbit($0, 0)
        __gmpz_setbit($0, UInt(bits - 1))
        __gmpz_setbit($0, UInt(bits - 2))
      }
      if odd.isProbablePrime { return odd }
    }
  }

  private static func random(
    bits: Int, using generator: inout some RandomNumberGenerator
  ) -> BigInteger {
    var words = (0..<(bits + 63) / 64).map { _ in generator.next() as UInt64 }
    if bits % 64 != 0 { words[words.count - 1] >>= UInt64(64 - bits % 64) }
    return BigInteger(words: words)
  }

  /// Whether it is prime; a composite passes with a chance below 4^-16.
  package var isProbablePrime: Bool { __gmpz_probab_prime_p(number, 40) != 0 }

  /// How many bits its magnitude has; 0 for zero.
  package var bitWidth: Int { number.pointee._mp_size == 0 ? 0 : __gmpz_sizeinbase(number, 2) }

  package var isOdd: Bool { __gmpz_tstbit(number, 0) == 1 }

  /// The most significant first, zeros in front.
  /// - Parameter count: at least what its bits need; it must not be negative.
  package func bigEndian(count: Int) -> [UInt8] {
    precondition(count * 8 >= bitWidth, "\(bitWidth) bits do not fit into \(count) bytes")
    let needed = (bitWidth + 7) / 8
    var bytes = [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBytes {
      if needed > 0 {
        _ = __gmpz_export($0.baseAddress! + (count - needed), nil, 1, 1, 1, 0, number)
      }
    }
    return bytes
  }

  /// 64 bits each, the least significant first, zeros at the end; for a number that is not negative.
  package func words(count: Int) -> [UInt64] {
    precondition(count * 64 >= bitWidth, "\(bitWidth) bits do not fit into \(count) words")
    var words = [UInt64](repeating: 0, count: count)
    words.withUnsafeMutableBytes { _ = __gmpz_export($0.baseAddress, nil, -1, 8, 0, 0, number) }
    return words
  }

  /// The rest of a division, in 0..<`modulus`, of negative numbers too.
  package func modulo(_ modulus: BigInteger) -> BigInteger {
    BigInteger { __gmpz_fdiv_r($0, number, modulus.number) }
  }

  /// The quotient, rounded down.
  package func divided(by divisor: BigInteger) -> BigInteger {
    BigInteger { __gmpz_fdiv_q($0, number, divisor.number) }
  }

  /// A power modulo `modulus`, in a time that tells of the exponent; for exponents that everybody knows.
  package func power(_ exponent: BigInteger, modulo modulus: BigInteger) -> BigInteger {
    BigInteger { __gmpz_powm($0, number, exponent.number, modulus.number) }
  }

  /// The same in a time that depends on lengths alone.
  /// - Parameters:
  ///   - exponent: above 0.
  ///   - modulus: odd.
  package func power(secret exponent: BigInteger, modulo modulus: BigInteger) -> BigInteger {
    precondition(modulus.isOdd && exponent > BigInteger(0), "no secret power modulo \(modulus)")
    return BigInteger { __gmpz_powm_sec($0, number, exponent.number, modulus.number) }
  }

  /// What gives 1 when multiplied; nil when it and the modulus have a divisor in common.
  package func inverse(modulo modulus: BigInteger) -> BigInteger? {
    var exists = false
    let inverse = BigInteger { exists = __gmpz_invert($0, number, modulus.number) != 0 }
    return exists ? inverse : nil
  }

  package func greatestCommonDivisor(with other: BigInteger) -> BigInteger {
    BigInteger { __gmpz_gcd($0, number, other.number) }
  }

  package static func + (left: BigInteger, right: BigInteger) -> BigInteger {
    BigInteger { __gmpz_add($0, left.number, right.number) }
  }

  package static func - (left: BigInteger, right: BigInteger) -> BigInteger {
    BigInteger { __gmpz_sub($0, left.number, right.number) }
  }

  package static func * (left: BigInteger, right: BigInteger) -> BigInteger {
    BigInteger { __gmpz_mul($0, left.number, right.number) }
  }
}

extension BigInteger: Comparable, CustomStringConvertible {
  package static func == (left: BigInteger, right: BigInteger) -> Bool {
    __gmpz_cmp(left.number, right.number) == 0
  }

  package static func < (left: BigInteger, right: BigInteger) -> Bool {
    __gmpz_cmp(left.number, right.number) < 0
  }

  /// Its digits to the base 16.
  package var description: String {
    // Room for a sign and the end.
    var text = [CChar](repeating: 0, count: max(bitWidth, 1) / 4 + 4)
    __gmpz_get_str(&text, 16, number)
    return text.withUnsafeBufferPointer { $0.baseAddress.map(String.init(cString:)) ?? "" }
  }
}
