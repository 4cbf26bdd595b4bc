/// The number-theoretic transform in which polynomials modulo X^degree + 1 multiply value by value.
///
/// Longa and Naehrig, "Speeding up the Number Theoretic Transform for Faster Ideal Lattice-Based Cryptography" (CANS
/// 2016), algorithms 1 and 2, with Harvey's butterflies on numbers that are not fully reduced.
struct NegacyclicTransform: Sendable {
  let degree: Int
  let modulus: PrimeModulus
  /// Powers of a root of unity of order 2 degree, their exponents in bit-reversed order, and their inverses.
  private let roots: [PrimeModulus.Factor]
  private let inverseRoots: [PrimeModulus.Factor]
  private let degreeInverse: PrimeModulus.Factor

  /// - Parameter degree: a power of two; nil where 2 `degree` does not divide the prime less one.
  init?(degree: Int, modulus: PrimeModulus) {
    guard let root = modulus.primitiveRoot(order: 2 * UInt64(degree)) else { return nil }
    self.degree = degree
    self.modulus = modulus
    let bits = degree.trailingZeroBitCount
    func table(_ root: UInt64) -> [PrimeModulus.Factor] {
      var powers = [1] as [UInt64]
      for _ in 1..<degree { powers.append(modulus.product(powers[powers.count - 1], root)) }
      return (0..<degree).map { modulus.factor(powers[$0.bitReversed(bits)]) }
    }
    roots = table(root)
    inverseRoots = table(modulus.inverse(root))
    degreeInverse = modulus.factor(modulus.inverse(UInt64(degree)))
  }

  /// From coefficients to values, in place.
  /// - Parameter values: `degree` numbers below the prime, and again after it.
  func forward(_ values: UnsafeMutablePointer<UInt64>) {
    let twice = 2 * modulus.value
    roots.withUnsafeBufferPointer { roots in
      var (blocks, half) = (1, degree / 2)
      while half >= 1 {
        for block in 0..<blocks {
          let root = roots[blocks &+ block]
          let (low, high) = (values + 2 * block * half, values + (2 * block + 1) * half)
          for index in 0..<half {
            let first = low[index] >= twice ? low[index] &- twice : low[index]
            let second = modulus.lazyProduct(high[index], root)
            low[index] = first &+ second
            high[index] = first &+ twice &- second
          }
        }
        (blocks, half) = (2 * blocks, half / 2)
      }
    }
    for index in 0..<degree {
      values[index] = modulus.reduced(
        values[index] >= twice ? values[index] &- twice : values[index])
    }
  }

  /// From values to coefficients, in place.
  /// - Parameter values: `degree` numbers below the prime, and again after it.
  func inverse(_ values: UnsafeMutablePointer<UInt64>) {
    let twice = 2 * modulus.value
    inverseRoots.withUnsafeBufferPointer { roots in
      var (blocks, half) = (degree / 2, 1)
      while blocks >= 1 {
        for block in 0..<blocks {
          let root = roots[blocks &+ block]
          let (low, high) = (values + 2 * block * half, values + (2 * block + 1) * half)
          for index in 0..<half {
            let (first, second) = (low[index], high[index])
            let sum = first &+ second
            low[index] = sum >= twice ? sum &- twice : sum
            high[index] = modulus.lazyProduct(first &+ twice &- second, root)
          }
        }
        (blocks, half) = (blocks / 2, 2 * half)
      }
    }
    for index in 0..<degree { values[index] = modulus.product(values[index], degreeInverse) }
  }
}

extension Int {
  /// The lowest `bits` bits in reverse.
  func bitReversed(_ bits: Int) -> Int {
    (0..<bits).reduce(0) { $0 << 1 | (self >> $1 & 1) }
  }
}
