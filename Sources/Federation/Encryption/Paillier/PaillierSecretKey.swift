/// What decrypts, and encrypts three times faster than the public key: the two primes.
package struct PaillierSecretKey: Sendable {
  package let publicKey: PaillierPublicKey
  private let p: PrimeSide
  private let q: PrimeSide
  /// The inverse of p modulo q, and of p² modulo q².
  private let inverse: BigInteger
  private let squaresInverse: BigInteger

  /// - Parameters:
  ///   - p: a prime.
  ///   - q: another of the same length.
  /// - Throws: where they are not.
  package init(p: BigInteger, q: BigInteger) throws(FederationError) {
    // Of equal length, neither divides the other less one, so that n and (p - 1)(q - 1) have no divisor in common.
    guard p.bitWidth == q.bitWidth, p != q, p.isProbablePrime, q.isProbablePrime,
      let first = PrimeSide(p, other: q), let second = PrimeSide(q, other: p),
      let inverse = p.inverse(modulo: q),
      let squaresInverse = first.square.inverse(modulo: second.square)
    else {
      throw FederationError(
        "a secret key of Paillier's is two different primes of one length, which these are not; generate another",
        .badInput)
    }
    publicKey = try PaillierPublicKey(n: p * q)
    self.p = first
    self.q = second
    self.inverse = inverse
    self.squaresInverse = squaresInverse
  }

  /// A fresh key.
  /// - Parameter bits: of n, even: 3072 for 128 bits of security, 2048 for 112 (NIST SP 800-57 part 1, table 2).
  package static func generate(
    bits: Int, using generator: inout some RandomNumberGenerator
  ) -> PaillierSecretKey {
    precondition(bits >= 64 && bits % 2 == 0, "no key of \(bits) bits")
    while true {
      let p = BigInteger.randomPrime(bits: bits / 2, using: &generator)
      let q = BigInteger.randomPrime(bits: bits / 2, using: &generator)
      if let key = try? PaillierSecretKey(p: p, q: q) { return key }
    }
  }

  /// The plaintext, in 0..<n.
  /// - Parameter ciphertext: in 1..<n² and without a divisor that n has.
  package func decrypt(_ ciphertext: BigInteger) -> BigInteger {
    joined(
      p.plaintext(of: ciphertext), modulo: p.prime, q.plaintext(of: ciphertext), modulo: q.prime,
      inverse)
  }

  /// A ciphertext of `plaintext`, distributed as the public key's.
  package func encrypt(
    _ plaintext: BigInteger, using generator: inout some RandomNumberGenerator
  ) -> BigInteger {
    // r^n is (r^q mod p)^p modulo p², and r^q mod p is as uniform as r mod p because q has no divisor that p - 1 has.
    let first = BigInteger.randomUnit(modulo: p.prime, using: &generator)
    let second = BigInteger.randomUnit(modulo: q.prime, using: &generator)
    return publicKey.encrypt(plaintext, mask: mask(first, second))
  }

  /// The same with the r of ``PaillierPublicKey/encrypt(_:r:)``: the same ciphertext.
  package func encrypt(_ plaintext: BigInteger, r: BigInteger) -> BigInteger {
    let first = r.modulo(p.prime).power(secret: q.prime, modulo: p.prime)
    let second = r.modulo(q.prime).power(secret: p.prime, modulo: q.prime)
    return publicKey.encrypt(plaintext, mask: mask(first, second))
  }

  /// r^n mod n², from r^q mod p and r^p mod q.
  private func mask(_ first: BigInteger, _ second: BigInteger) -> BigInteger {
    joined(
      first.power(secret: p.prime, modulo: p.square), modulo: p.square,
      second.power(secret: q.prime, modulo: q.square), modulo: q.square, squaresInverse)
  }

  /// Garner's form of the Chinese remainder theorem.
  private func joined(
    _ first: BigInteger, modulo firstModulus: BigInteger, _ second: BigInteger,
    modulo secondModulus: BigInteger, _ inverse: BigInteger
  ) -> BigInteger {
    first + firstModulus * ((second - first) * inverse).modulo(secondModulus)
  }

  /// p and q, each as long as half of n, the most significant byte first.
  package var bytes: [UInt8] {
    [p, q].flatMap { $0.prime.bigEndian(count: ($0.prime.bitWidth + 7) / 8) }
  }

  /// - Parameter bytes: ``bytes``.
  package init(bytes: some Collection<UInt8>) throws(FederationError) {
    let half = bytes.count / 2
    try self.init(
      p: BigInteger(bigEndian: bytes.prefix(half)), q: BigInteger(bigEndian: bytes.dropFirst(half)))
  }
}

/// What one of the two primes contributes.
private struct PrimeSide: Sendable {
  let prime: BigInteger
  let square: BigInteger
  private let exponent: BigInteger
  /// The inverse of L((n + 1)^(p - 1) mod p²) modulo p, which is that of -q.
  private let factor: BigInteger

  init?(_ prime: BigInteger, other: BigInteger) {
    guard let inverse = (BigInteger(0) - other).inverse(modulo: prime) else { return nil }
    self.prime = prime
    square = prime * prime
    exponent = prime - BigInteger(1)
    factor = inverse
  }

  /// The plaintext modulo the prime (Paillier, section 7).
  func plaintext(of ciphertext: BigInteger) -> BigInteger {
    let power = ciphertext.modulo(square).power(secret: exponent, modulo: square)
    return ((power - BigInteger(1)).divided(by: prime) * factor).modulo(prime)
  }
}
