/// Up to 4096 real numbers, encrypted: c0 + c1 s is their polynomial and a small error.
package struct CKKSCiphertext: Hashable, Sendable {
  /// Coefficients as residues modulo the first prime, then the second.
  private(set) var c0: [UInt64]
  private(set) var c1: [UInt64]

  init(c0: [UInt64], c1: [UInt64]) {
    self.c0 = c0
    self.c1 = c1
  }

  /// Numbers must be smaller in magnitude, so that their polynomial's coefficients fit into 62 bits with the scale.
  package static let bound = 0x1p20

  /// How often ciphertexts can be added before coefficients reach half of the primes' product of 100 bits.
  package static let maximumWeight = 1 << 32

  /// How many numbers it holds.
  package static var slots: Int { CKKSRing.standard.slots }

  /// Adds another, number by number.
  package mutating func add(_ other: CKKSCiphertext) {
    CKKSResidues.combine(&c0, other.c0)
    CKKSResidues.combine(&c1, other.c1)
  }

  /// Multiplies all numbers.
  package mutating func multiply(by factor: Int) {
    CKKSResidues.multiply(&c0, by: factor)
    CKKSResidues.multiply(&c1, by: factor)
  }

  /// Of every ciphertext.
  package static var byteCount: Int {
    2 * CKKSResidues.byteCount(primes: CKKSRing.ciphertextPrimes)
  }

  /// Appends the residues, in as many bits as their prime has.
  func append(to bytes: inout [UInt8]) {
    CKKSResidues.append(c0, to: &bytes)
    CKKSResidues.append(c1, to: &bytes)
  }

  /// - Parameter bytes: what ``append(to:)`` wrote.
  init(bytes: ArraySlice<UInt8>) throws(FederationError) {
    let half = bytes.count / 2
    c0 = try CKKSResidues.read(bytes.prefix(half), primes: CKKSRing.ciphertextPrimes)
    c1 = try CKKSResidues.read(bytes.dropFirst(half), primes: CKKSRing.ciphertextPrimes)
  }
}

/// Residues of the ring's coefficients modulo its primes, one prime after the other.
enum CKKSResidues {
  static func combine(_ residues: inout [UInt64], _ others: [UInt64]) {
    let ring = CKKSRing.standard
    for prime in 0..<residues.count / ring.degree {
      let modulus = ring.transforms[prime].modulus
      for index in prime * ring.degree..<(prime + 1) * ring.degree {
        residues[index] = modulus.sum(residues[index], others[index])
      }
    }
  }

  static func multiply(_ residues: inout [UInt64], by number: Int) {
    let ring = CKKSRing.standard
    for prime in 0..<residues.count / ring.degree {
      let modulus = ring.transforms[prime].modulus
      let factor = modulus.factor(modulus.residue(Int64(number)))
      for index in prime * ring.degree..<(prime + 1) * ring.degree {
        residues[index] = modulus.product(residues[index], factor)
      }
    }
  }

  private static func bits(_ prime: Int) -> Int {
    64 - CKKSRing.standard.transforms[prime].modulus.value.leadingZeroBitCount
  }

  static func byteCount(primes: Int) -> Int {
    (0..<primes).reduce(0) {
      $0 + PackedBits.byteCount(CKKSRing.standard.degree, bits: bits($1))
    }
  }

  static func append(_ residues: [UInt64], to bytes: inout [UInt8]) {
    let degree = CKKSRing.standard.degree
    for prime in 0..<residues.count / degree {
      PackedBits.append(
        residues[prime * degree..<(prime + 1) * degree], bits: bits(prime), to: &bytes)
    }
  }

  /// - Throws: where the length is another, or a residue is not below its prime.
  static func read(_ bytes: ArraySlice<UInt8>, primes: Int) throws(FederationError) -> [UInt64] {
    let ring = CKKSRing.standard
    guard bytes.count == byteCount(primes: primes) else {
      throw FederationError(
        "\(bytes.count) bytes are no polynomial of CKKS, which takes \(byteCount(primes: primes)); leave their sender out",
        .refused)
    }
    var residues: [UInt64] = []
    residues.reserveCapacity(primes * ring.degree)
    bytes.withUnsafeBytes { bytes in
      var offset = 0
      for prime in 0..<primes {
        let count = PackedBits.byteCount(ring.degree, bits: bits(prime))
        residues += PackedBits.read(
          ring.degree, bits: bits(prime),
          from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
        offset += count
      }
    }
    for (index, residue) in residues.enumerated() {
      let modulus = ring.transforms[index / ring.degree].modulus.value
      guard residue < modulus else {
        throw FederationError(
          "coefficient \(index % ring.degree) of a polynomial of CKKS is \(residue), which is not below its prime \(modulus); leave its sender out",
          .refused)
      }
    }
    return residues
  }
}
