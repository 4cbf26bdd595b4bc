/// What encrypting a round costs, measured, and how exact the sum is.
package struct EncryptionCost: Codable, Hashable, Sendable {
  /// What encrypts.
  package let scheme: EncryptionScheme
  /// In each client's vector.
  package let values: Int
  /// Whose vectors are added.
  package let clients: Int
  /// Of a client's vector.
  package let ciphertexts: Int
  /// Of a client's encrypted vector.
  package let encryptedBytes: Int
  /// Of the same vector in f32.
  package let plainBytes: Int
  /// Of the public key alone.
  package let publicKeyBytes: Int
  /// Of the public and secret key together, what a client gets.
  package let keyBytes: Int
  /// To make the keys.
  package let keySeconds: Double
  /// Of one client, on all cores.
  package let encryptSeconds: Double
  /// Of the server, all clients' vectors.
  package let addSeconds: Double
  /// Of one client, the sum.
  package let decryptSeconds: Double
  /// Between the decrypted sum and the sum of the values, the largest of all.
  package let largestError: Double
  /// The same, the norm of all relative to the sum's norm.
  package let relativeError: Double

  /// How many times larger an encrypted vector is than in f32.
  package var expansion: Double { Double(encryptedBytes) / Double(plainBytes) }

  /// Runs one round: makes keys, encrypts every client's vector, adds them, decrypts the sum.
  /// - Parameters:
  ///   - clients: one vector or more, all of one length above 0.
  ///   - generator: see ``EncryptionScheme/generateKeys(using:)``.
  /// - Throws: where a vector cannot be encrypted.
  package static func measure(
    _ scheme: EncryptionScheme, clients: [[Double]],
    using generator: inout some RandomNumberGenerator
  ) throws(FederationError) -> EncryptionCost {
    guard let first = clients.first, !first.isEmpty else {
      throw FederationError(
        "there is nothing to encrypt; give one client with one value or more", .badInput)
    }
    let clock = ContinuousClock()
    var start = clock.now
    func lap() -> Double {
      let now = clock.now
      defer { start = now }
      return (now - start) / .seconds(1)
    }
    let keys = scheme.generateKeys(using: &generator)
    let keySeconds = lap()
    var vectors: [EncryptedVector] = []
    for client in clients { vectors.append(try keys.encrypt(client, using: &generator)) }
    let encryptSeconds = lap() / Double(clients.count)
    let sum = try keys.publicPart.sum(vectors)
    let addSeconds = lap()
    let decrypted = try keys.decrypt(sum)
    let decryptSeconds = lap()

    let expected = clients.dropFirst().reduce(first) { zip($0, $1).map(+) }
    let errors = zip(decrypted, expected).map { $0 - $1 }
    let norm = { (numbers: [Double]) in numbers.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    return EncryptionCost(
      scheme: scheme, values: first.count, clients: clients.count,
      ciphertexts: sum.ciphertexts.count,
      encryptedBytes: EncryptedVector.byteCount(scheme, count: first.count),
      plainBytes: 4 * first.count, publicKeyBytes: keys.publicPart.bytes.count,
      keyBytes: keys.bytes.count, keySeconds: keySeconds, encryptSeconds: encryptSeconds,
      addSeconds: addSeconds, decryptSeconds: decryptSeconds,
      largestError: errors.reduce(0) { max($0, $1.magnitude) },
      relativeError: norm(errors) / max(norm(expected), .leastNormalMagnitude))
  }
}
