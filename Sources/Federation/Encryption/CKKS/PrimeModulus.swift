/// Arithmetic modulo a prime below 2^61.
///
/// Products with a number that is known beforehand are Shoup's: with its ``Factor`` they need two multiplications and no
/// division (Harvey, "Faster arithmetic for number-theoretic transforms", J. Symb. Comput. 2014).
struct PrimeModulus: Hashable, Sendable {
  let value: UInt64

  /// A number below the prime, and its quotient floor(number 2^64 / prime).
  struct Factor: Sendable {
    let number: UInt64
    let quotient: UInt64
  }

  func factor(_ number: UInt64) -> Factor {
    Factor(
      number: number, quotient: value.dividingFullWidth((high: number, low: 0)).quotient)
  }

  /// The product of any 64 bits with a factor, in 0..<2 `value`.
  @inline(__always)
  func lazyProduct(_ number: UInt64, _ factor: Factor) -> UInt64 {
    number &* factor.number &- number.multipliedFullWidth(by: factor.quotient).high &* value
  }

  /// The product of any 64 bits with a factor.
  @inline(__always)
  func product(_ number: UInt64, _ factor: Factor) -> UInt64 {
    reduced(lazyProduct(number, factor))
  }

  /// The product of two numbers below the prime.
  func product(_ first: UInt64, _ second: UInt64) -> UInt64 {
    value.dividingFullWidth(first.multipliedFullWidth(by: second)).remainder
  }

  /// Of a number below twice the prime.
  @inline(__always)
  func reduced(_ number: UInt64) -> UInt64 { number >= value ? number &- value : number }

  @inline(__always)
  func sum(_ first: UInt64, _ second: UInt64) -> UInt64 { reduced(first &+ second) }

  @inline(__always)
  func difference(_ first: UInt64, _ second: UInt64) -> UInt64 {
    reduced(first &+ value &- second)
  }

  /// The residue of a number, which may be negative.
  @inline(__always)
  func residue(_ number: Int64) -> UInt64 {
    if number.magnitude < value {
      return number < 0 ? value &- number.magnitude : number.magnitude
    }
    let rest = number.magnitude % value
    return number < 0 && rest != 0 ? value &- rest : rest
  }

  func power(_ base: UInt64, _ exponent: UInt64) -> UInt64 {
    var (result, square, rest) = (1 % value, base % value, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result = product(result, square) }
      square = product(square, square)
      rest >>= 1
    }
    return result
  }

  /// Of a number that the prime does not divide, by Fermat's theorem.
  func inverse(_ number: UInt64) -> UInt64 { power(number, value - 2) }

  /// A root of unity of exactly this order, a power of two that divides `value` - 1; nil where there is none.
  func primitiveRoot(order: UInt64) -> UInt64? {
    guard (value - 1) % order == 0 else { return nil }
    // Half of all numbers are no squares, whose powers have the full order.
    return (2..<min(value, 1000)).lazy.map { power($0, (value - 1) / order) }.first {
      power($0, order / 2) == value - 1
    }
  }

  /// The largest primes of exactly `bits` bits that leave 1 modulo `order`, the largest first, as SEAL takes them.
  /// - Parameters:
  ///   - bits: at most 61.
  ///   - order: a power of two.
  static func largest(_ count: Int, bits: Int, order: UInt64) -> [PrimeModulus] {
    let top = (1 << UInt64(bits)) - 1 as UInt64
    var candidate = (top - 1) / order * order + 1
    var found: [PrimeModulus] = []
    while found.count < count, candidate >> UInt64(bits - 1) == 1 {
      if BigInteger(words: [candidate]).isProbablePrime {
        found.append(PrimeModulus(value: candidate))
      }
      candidate -= order
    }
    return found
  }
}
