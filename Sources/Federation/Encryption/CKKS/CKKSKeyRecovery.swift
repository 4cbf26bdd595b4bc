/// What a server does with decrypted sums that it should not have got: it solves for the secret key.
///
/// A decryption is c0 + c1 s, message and error alike, so that numbers which are exact enough leave s as the only unknown
/// (Li and Micciancio, "On the Security of Homomorphic Encryption on Approximate Numbers", EUROCRYPT 2021, section 3).
/// Only the real halves of the slots are given away, which is the polynomial plus its mirror image under X -> 1/X: an
/// equation in s and its mirror image for each ciphertext. Two full ciphertexts give both.
package enum CKKSKeyRecovery {
  /// The clients' keys.
  ///
  /// - Parameters:
  ///   - server: the public part of the keys.
  ///   - vector: a sum, of two full ciphertexts or more.
  ///   - decrypted: its numbers, as a client decrypted them. In f32 they are exact enough where they are smaller than
  ///     about 1e-4.
  /// - Returns: nil where the numbers are too few or too coarse, or the scheme is not CKKS.
  package static func keys(
    _ server: any AdditiveEncryption, vector: EncryptedVector, decrypted: [Double]
  ) -> (any AdditiveEncryption)? {
    let slots = CKKSCiphertext.slots
    guard let server = server as? CKKSEncryption, decrypted.count == vector.count,
      decrypted.count >= 2 * slots, decrypted.allSatisfy({ $0.magnitude < CKKSCiphertext.bound })
    else { return nil }
    let equations = (0..<2).compactMap { index -> Equation? in
      guard case .ckks(let ciphertext) = vector.ciphertexts[index] else { return nil }
      return Equation(ciphertext, decrypted[index * slots..<(index + 1) * slots])
    }
    guard equations.count == 2 else { return nil }
    return solution(equations[0], equations[1]).map(server.with)
  }

  /// Modulo the ring's first prime and transformed: of a value of s and its mirror image, factor s + factor' s' = right side.
  private struct Equation {
    let factors: [UInt64]
    let rightSides: [UInt64]

    init(_ ciphertext: CKKSCiphertext, _ decrypted: ArraySlice<Double>) {
      let ring = CKKSRing.standard
      let transform = ring.transforms[0]
      let modulus = transform.modulus
      // Twice the real half of the slots is the polynomial plus its mirror image.
      let sums = ring.transformed(
        ring.embedding.coefficients(decrypted, scale: 2 * ring.scale), prime: 0)
      var (c0, c1) = (
        Array(ciphertext.c0.prefix(ring.degree)), Array(ciphertext.c1.prefix(ring.degree))
      )
      transform.forward(&c0)
      transform.forward(&c1)
      factors = c1
      rightSides = (0..<ring.degree).map {
        modulus.difference(
          modulus.difference(sums[$0], c0[$0]), c0[CKKSKeyRecovery.mirrored($0)])
      }
    }
  }

  /// The place of a value's mirror image: the root's exponent 2 k + 1 becomes 2 (degree - 1 - k) + 1.
  private static func mirrored(_ place: Int) -> Int { CKKSRing.standard.degree - 1 - place }

  /// By Cramer's rule; nil where what comes out is no key.
  private static func solution(_ first: Equation, _ second: Equation) -> CKKSSecretKey? {
    let ring = CKKSRing.standard
    let transform = ring.transforms[0]
    let modulus = transform.modulus
    var values: [UInt64] = []
    values.reserveCapacity(ring.degree)
    for place in 0..<ring.degree {
      let other = mirrored(place)
      func determinant(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) -> UInt64 {
        modulus.difference(modulus.product(a, d), modulus.product(b, c))
      }
      let divisor = determinant(
        first.factors[place], first.factors[other], second.factors[place], second.factors[other])
      let dividend = determinant(
        first.rightSides[place], first.factors[other], second.rightSides[place],
        second.factors[other])
      values.append(modulus.product(dividend, modulus.inverse(divisor)))
    }
    transform.inverse(&values)
    let coefficients = values.map { $0 <= 1 ? Int64($0) : $0 == modulus.value - 1 ? -1 : nil }
    let found = coefficients.compactMap { $0 }
    return found.count == ring.degree ? CKKSSecretKey(coefficients: found) : nil
  }
}
