/// What encrypts: a pair (b, a) with b = -(a s + e), transformed, modulo all primes of the ring.
package struct CKKSPublicKey: Sendable {
  /// Residues modulo the first prime, then the second, then the third.
  let b: [UInt64]
  let a: [UInt64]
  private let bFactors: [PrimeModulus.Factor]
  private let aFactors: [PrimeModulus.Factor]

  init(b: [UInt64], a: [UInt64]) {
    self.b = b
    self.a = a
    bFactors = CKKSPublicKey.factors(b)
    aFactors = CKKSPublicKey.factors(a)
  }

  private static func factors(_ residues: [UInt64]) -> [PrimeModulus.Factor] {
    let ring = CKKSRing.standard
    return residues.indices.map {
      ring.transforms[$0 / ring.degree].modulus.factor(residues[$0])
    }
  }

  /// A ciphertext of at most ``CKKSRing/slots`` numbers.
  /// - Parameter values: below ``CKKSCiphertext/bound`` in magnitude.
  package func encrypt(
    _ values: ArraySlice<Double>, using stream: inout KeyStream
  ) -> CKKSCiphertext {
    let ring = CKKSRing.standard
    let message = ring.embedding.coefficients(values, scale: ring.scale)
    let mask = ring.ternary(&stream)
    let errors = (ring.error(&stream), ring.error(&stream))
    let masks = (0..<CKKSRing.keyPrimes).map { ring.transformed(mask, prime: $0) }
    var c0 = ring.dividedByLastPrime(hidden(masks, bFactors, errors.0))
    for prime in 0..<CKKSRing.ciphertextPrimes {
      let modulus = ring.transforms[prime].modulus
      for (index, coefficient) in message.enumerated() {
        let place = prime * ring.degree + index
        c0[place] = modulus.sum(c0[place], modulus.residue(coefficient))
      }
    }
    return CKKSCiphertext(
      c0: c0, c1: ring.dividedByLastPrime(hidden(masks, aFactors, errors.1)))
  }

  /// The coefficients of key times mask plus error, modulo all primes.
  private func hidden(
    _ masks: [[UInt64]], _ key: [PrimeModulus.Factor], _ error: [Int64]
  ) -> [UInt64] {
    let ring = CKKSRing.standard
    return [UInt64](unsafeUninitializedCapacity: CKKSRing.keyPrimes * ring.degree) { all, count in
      guard let base = all.baseAddress else { return }
      for (prime, transform) in ring.transforms.enumerated() {
        let own = base + prime * ring.degree
        let modulus = transform.modulus
        let factors = key[prime * ring.degree..<(prime + 1) * ring.degree]
        for (index, factor) in zip(0..<ring.degree, factors) {
          own[index] = modulus.product(masks[prime][index], factor)
        }
        transform.inverse(own)
        for index in 0..<ring.degree {
          own[index] = modulus.sum(own[index], modulus.residue(error[index]))
        }
      }
      count = CKKSRing.keyPrimes * ring.degree
    }
  }

  /// The residues, in as many bits as their prime has.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    CKKSResidues.append(b, to: &bytes)
    CKKSResidues.append(a, to: &bytes)
    return bytes
  }

  /// - Parameter bytes: ``bytes``.
  package init(bytes: some Collection<UInt8>) throws(FederationError) {
    let bytes = Array(bytes)
    let half = bytes.count / 2
    self.init(
      b: try CKKSResidues.read(bytes.prefix(half), primes: CKKSRing.keyPrimes),
      a: try CKKSResidues.read(bytes.dropFirst(half), primes: CKKSRing.keyPrimes))
  }
}

/// What decrypts: a polynomial s with coefficients -1, 0 and 1.
package struct CKKSSecretKey: Sendable {
  private let coefficients: [Int64]
  /// Its transform modulo the primes of ciphertexts.
  private let factors: [PrimeModulus.Factor]

  /// - Parameter coefficients: -1, 0 or 1.
  init(coefficients: [Int64]) {
    self.coefficients = coefficients
    let ring = CKKSRing.standard
    factors = (0..<CKKSRing.ciphertextPrimes).flatMap { prime in
      ring.transformed(coefficients, prime: prime).map(ring.transforms[prime].modulus.factor)
    }
  }

  /// A fresh key.
  package static func generate(
    using generator: inout some RandomNumberGenerator
  ) -> CKKSSecretKey {
    var stream = KeyStream(keyFrom: &generator)
    return CKKSSecretKey(coefficients: CKKSRing.standard.ternary(&stream))
  }

  /// A public key that belongs to it; each is another.
  package func publicKey(using generator: inout some RandomNumberGenerator) -> CKKSPublicKey {
    let ring = CKKSRing.standard
    var stream = KeyStream(keyFrom: &generator)
    let error = ring.error(&stream)
    var (b, a): ([UInt64], [UInt64]) = ([], [])
    for prime in 0..<CKKSRing.keyPrimes {
      let modulus = ring.transforms[prime].modulus
      let secret = ring.transformed(coefficients, prime: prime)
      let errors = ring.transformed(error, prime: prime)
      let random = ring.uniform(prime: prime, &stream)
      a += random
      b += random.indices.map {
        modulus.difference(0, modulus.sum(modulus.product(random[$0], secret[$0]), errors[$0]))
      }
    }
    return CKKSPublicKey(b: b, a: a)
  }

  /// The first `count` numbers of a ciphertext.
  package func decrypt(_ ciphertext: CKKSCiphertext, count: Int) -> [Double] {
    let ring = CKKSRing.standard
    var residues = ciphertext.c1
    residues.withUnsafeMutableBufferPointer { all in
      guard let base = all.baseAddress else { return }
      for prime in 0..<CKKSRing.ciphertextPrimes {
        let (transform, own) = (ring.transforms[prime], base + prime * ring.degree)
        transform.forward(own)
        for index in 0..<ring.degree {
          own[index] = transform.modulus.product(own[index], factors[prime * ring.degree + index])
        }
        transform.inverse(own)
        for index in 0..<ring.degree {
          own[index] = transform.modulus.sum(
            own[index], ciphertext.c0[prime * ring.degree + index])
        }
      }
    }
    return ring.embedding.values(ring.centred(residues), count: count, scale: ring.scale)
  }

  /// Its coefficients plus 1, two bits each.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    PackedBits.append(coefficients.map { UInt64($0 + 1) }, bits: 2, to: &bytes)
    return bytes
  }

  /// - Parameter bytes: ``bytes``.
  package init(bytes: some Collection<UInt8>) throws(FederationError) {
    let bytes = Array(bytes)
    let degree = CKKSRing.standard.degree
    guard bytes.count == PackedBits.byteCount(degree, bits: 2) else {
      throw FederationError(
        "a secret key of CKKS has \(PackedBits.byteCount(degree, bits: 2)) bytes, not \(bytes.count); generate another",
        .badInput)
    }
    let numbers = bytes.withUnsafeBytes { PackedBits.read(degree, bits: 2, from: $0) }
    guard numbers.allSatisfy({ $0 < 3 }) else {
      throw FederationError(
        "a secret key of CKKS has coefficients -1, 0 and 1 alone, which these bytes have not; generate another",
        .badInput)
    }
    self.init(coefficients: numbers.map { Int64($0) - 1 })
  }
}
