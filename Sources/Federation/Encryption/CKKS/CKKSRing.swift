/// Polynomials modulo X^8192 + 1 whose coefficients are residues modulo a few primes: where CKKS as federated users run it
/// takes place.
///
/// The parameters are those of NVFlare and of TenSEAL's examples: degree 8192, primes of 60, 40 and 40 bits, scale 2^40. As
/// in SEAL, beneath TenSEAL, the last prime serves keys alone: what is encrypted modulo all three is divided by it, which
/// leaves an error a sixteenth as large, and ciphertexts live modulo the first two. The primes are those that SEAL picks.
struct CKKSRing: Sendable {
  let degree: Int
  /// Those of ciphertexts, then that of keys alone.
  let transforms: [NegacyclicTransform]
  let embedding: CanonicalEmbedding
  let scale: Double

  static let standard: CKKSRing = {
    guard let ring = CKKSRing(degree: 8192, scale: 0x1p40, firstBits: 60, otherBits: 40) else {
      preconditionFailure("there are primes of 60 and 40 bits for degree 8192")
    }
    return ring
  }()

  /// - Parameter degree: a power of two; nil where there are no such primes.
  init?(degree: Int, scale: Double, firstBits: Int, otherBits: Int) {
    let order = 2 * UInt64(degree)
    let first = PrimeModulus.largest(1, bits: firstBits, order: order)
    // SEAL gives the larger of two equally long to the keys.
    let others = PrimeModulus.largest(2, bits: otherBits, order: order).reversed()
    transforms = (first + others).compactMap { NegacyclicTransform(degree: degree, modulus: $0) }
    guard transforms.count == 3 else { return nil }
    self.degree = degree
    self.scale = scale
    embedding = CanonicalEmbedding(slots: degree / 2)
  }

  /// How many primes a ciphertext has.
  static let ciphertextPrimes = 2
  /// How many a key has.
  static let keyPrimes = 3

  /// How many numbers a ciphertext holds.
  var slots: Int { degree / 2 }

  /// Coefficients -1, 0 and 1, each as likely.
  func ternary(_ stream: inout KeyStream) -> [Int64] {
    var bits: UInt64 = 0
    var left = 0
    return (0..<degree).map { _ in
      while true {
        if left == 0 { (bits, left) = (stream.next(), 32) }
        defer { (bits, left) = (bits >> 2, left - 1) }
        if bits & 3 != 3 { return Int64(bits & 3) - 1 }
      }
    }
  }

  /// Coefficients of the error: a centred binomial distribution of 21 pairs of bits, of standard deviation 3.24, as SEAL's.
  func error(_ stream: inout KeyStream) -> [Int64] {
    let mask: UInt64 = (1 << 21) - 1
    return (0..<degree).map { _ in
      let bits = stream.next()
      return Int64((bits & mask).nonzeroBitCount) - Int64((bits >> 21 & mask).nonzeroBitCount)
    }
  }

  /// Residues modulo one prime, each as likely.
  func uniform(prime: Int, _ stream: inout KeyStream) -> [UInt64] {
    let modulus = transforms[prime].modulus.value
    let mask = UInt64.max >> UInt64(modulus.leadingZeroBitCount)
    return (0..<degree).map { _ in
      while true {
        let candidate = stream.next() & mask
        if candidate < modulus { return candidate }
      }
    }
  }

  /// The transform of small coefficients modulo one prime.
  func transformed(_ coefficients: [Int64], prime: Int) -> [UInt64] {
    let transform = transforms[prime]
    var values = coefficients.map(transform.modulus.residue)
    values.withUnsafeMutableBufferPointer {
      if let base = $0.baseAddress { transform.forward(base) }
    }
    return values
  }

  /// Divides by the last prime and rounds.
  /// - Parameter residues: of `degree` coefficients modulo the first prime, then the second, then the last.
  /// - Returns: those modulo the first two.
  func dividedByLastPrime(_ residues: [UInt64]) -> [UInt64] {
    let last = transforms[CKKSRing.keyPrimes - 1].modulus
    let half = last.value / 2
    let rests = residues.suffix(degree).map { last.sum($0, half) }
    var result: [UInt64] = []
    result.reserveCapacity(CKKSRing.ciphertextPrimes * degree)
    for prime in 0..<CKKSRing.ciphertextPrimes {
      let modulus = transforms[prime].modulus
      let inverse = modulus.factor(modulus.inverse(last.value % modulus.value))
      let halfResidue = half % modulus.value
      residues[prime * degree..<(prime + 1) * degree].withUnsafeBufferPointer { own in
        for index in 0..<degree {
          let rounded = modulus.sum(own[index], halfResidue)
          let rest = rests[index] < modulus.value ? rests[index] : rests[index] % modulus.value
          result.append(modulus.product(modulus.difference(rounded, rest), inverse))
        }
      }
    }
    return result
  }

  /// The coefficients that have these residues modulo the first two primes, nearest to 0.
  func centred(_ residues: [UInt64]) -> [Double] {
    let (first, second) = (transforms[0].modulus, transforms[1].modulus)
    let inverse = second.factor(second.inverse(first.value % second.value))
    let product = first.value.multipliedFullWidth(by: second.value)
    let middle = Wide(high: product.high >> 1, low: product.low >> 1 | product.high << 63)
    return (0..<degree).map { index in
      let (low, high) = (residues[index], residues[degree + index])
      // Garner: x = x0 + q0 ((x1 - x0) / q0 mod q1).
      let quotient = second.product(second.difference(high, low % second.value), inverse)
      let upper = first.value.multipliedFullWidth(by: quotient)
      let value = Wide(high: upper.high, low: upper.low).adding(low)
      guard value.isAbove(middle) else { return value.asDouble }
      return -Wide(high: product.high, low: product.low).subtracting(value).asDouble
    }
  }

  /// 128 bits.
  private struct Wide {
    var high: UInt64
    var low: UInt64

    func adding(_ number: UInt64) -> Wide {
      let (low, carries) = low.addingReportingOverflow(number)
      return Wide(high: high &+ (carries ? 1 : 0), low: low)
    }

    func subtracting(_ other: Wide) -> Wide {
      let (low, borrows) = low.subtractingReportingOverflow(other.low)
      return Wide(high: high &- other.high &- (borrows ? 1 : 0), low: low)
    }

    func isAbove(_ other: Wide) -> Bool { (high, low) > (other.high, other.low) }

    var asDouble: Double { Double(high) * 0x1p64 + Double(low) }
  }
}
