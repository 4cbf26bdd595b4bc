/// What encrypts and adds: a product n of two primes, with the generator n + 1.
///
/// Paillier, "Public-Key Cryptosystems Based on Composite Degree Residuosity Classes" (EUROCRYPT 1999), scheme 1:
/// c = (n + 1)^m r^n mod n², and the product of ciphertexts holds the sum of plaintexts.
package struct PaillierPublicKey: Hashable, Sendable {
  package let n: BigInteger
  let nSquared: BigInteger

  /// - Throws: where n cannot be a product of two primes of equal length.
  package init(n: BigInteger) throws(FederationError) {
    guard n.isOdd, n.bitWidth >= 64, n.bitWidth % 2 == 0, !n.isProbablePrime else {
      throw FederationError(
        "a public key of Paillier's is the product of two primes, which \(n.bitWidth) bits are not; ask for the key again",
        .refused)
    }
    self.n = n
    nSquared = n * n
  }

  package static func == (left: PaillierPublicKey, right: PaillierPublicKey) -> Bool {
    left.n == right.n
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(n.description) }

  /// Of n.
  package var bits: Int { n.bitWidth }
  /// Of a ciphertext, which is below n².
  package var ciphertextByteCount: Int { (nSquared.bitWidth + 7) / 8 }

  /// The ciphertext of `plaintext`.
  /// - Parameters:
  ///   - plaintext: in 0..<n.
  ///   - r: in 1..<n and without a divisor that n has.
  package func encrypt(_ plaintext: BigInteger, r: BigInteger) -> BigInteger {
    encrypt(plaintext, mask: r.power(n, modulo: nSquared))
  }

  /// The same with r drawn.
  package func encrypt(
    _ plaintext: BigInteger, using generator: inout some RandomNumberGenerator
  ) -> BigInteger {
    encrypt(plaintext, r: BigInteger.randomUnit(modulo: n, using: &generator))
  }

  /// - Parameter mask: r^n mod n².
  func encrypt(_ plaintext: BigInteger, mask: BigInteger) -> BigInteger {
    precondition(plaintext < n, "a plaintext of \(plaintext.bitWidth) bits is not below n")
    // (n + 1)^m = 1 + m n modulo n², by the binomial theorem.
    return ((BigInteger(1) + plaintext * n) * mask).modulo(nSquared)
  }

  /// The ciphertext of the sum of two plaintexts, modulo n.
  package func sum(_ first: BigInteger, _ second: BigInteger) -> BigInteger {
    (first * second).modulo(nSquared)
  }

  /// The ciphertext of the sum of a ciphertext's plaintext and one in the clear. Nothing is drawn: who knows the
  /// first ciphertext finds what was added.
  package func sum(_ ciphertext: BigInteger, plaintext: BigInteger) -> BigInteger {
    sum(ciphertext, encrypt(plaintext, mask: BigInteger(1)))
  }

  /// The ciphertext of `factor` times the plaintext.
  package func product(_ ciphertext: BigInteger, _ factor: BigInteger) -> BigInteger {
    ciphertext.power(factor, modulo: nSquared)
  }

  /// A ciphertext from its bytes, the most significant first.
  /// - Throws: where they are no ciphertext under this key.
  package func ciphertext(bigEndian bytes: some Collection<UInt8>) throws(FederationError)
    -> BigInteger
  {
    let ciphertext = BigInteger(bigEndian: bytes)
    guard bytes.count == ciphertextByteCount, ciphertext < nSquared,
      // Also refuses 0.
      ciphertext.greatestCommonDivisor(with: n) == BigInteger(1)
    else {
      throw FederationError(
        "\(bytes.count) bytes are no ciphertext of Paillier's under this key of \(bits) bits; leave their sender out",
        .refused)
    }
    return ciphertext
  }
}

extension BigInteger {
  /// A number in 1..<`modulus` that has an inverse.
  static func randomUnit(
    modulo modulus: BigInteger, using generator: inout some RandomNumberGenerator
  ) -> BigInteger {
    while true {
      let candidate = random(below: modulus, using: &generator)
      if candidate.greatestCommonDivisor(with: modulus) == BigInteger(1) { return candidate }
    }
  }
}
