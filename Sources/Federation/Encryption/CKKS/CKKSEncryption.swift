/// CKKS of vectors of any length, for addition alone.
package struct CKKSEncryption: AdditiveEncryption {
  private let publicKey: CKKSPublicKey
  private let secretKey: CKKSSecretKey?
  private let publicBytes: [UInt8]
  package let keyName: KeyName

  init(_ publicKey: CKKSPublicKey, _ secretKey: CKKSSecretKey?) {
    self.publicKey = publicKey
    self.secretKey = secretKey
    publicBytes = publicKey.bytes
    keyName = KeyName(of: publicBytes)
  }

  private init(_ keys: CKKSEncryption, _ secretKey: CKKSSecretKey?) {
    publicKey = keys.publicKey
    self.secretKey = secretKey
    publicBytes = keys.publicBytes
    keyName = keys.keyName
  }

  /// The same with a secret key that was found.
  func with(_ secretKey: CKKSSecretKey) -> CKKSEncryption { CKKSEncryption(self, secretKey) }

  /// The public key, and after it the secret one where it is held.
  init(bytes: [UInt8]) throws(FederationError) {
    let size = 2 * CKKSResidues.byteCount(primes: CKKSRing.keyPrimes)
    let rest = bytes.dropFirst(size)
    self.init(
      try CKKSPublicKey(bytes: bytes.prefix(size)),
      rest.isEmpty ? nil : try CKKSSecretKey(bytes: rest))
  }

  package var scheme: EncryptionScheme { .ckks }

  package var bytes: [UInt8] { publicBytes + (secretKey?.bytes ?? []) }

  package var holdsSecretKey: Bool { secretKey != nil }

  package var publicPart: any AdditiveEncryption { CKKSEncryption(self, nil) }

  package func encrypt(
    _ values: [Double], using generator: inout some RandomNumberGenerator
  ) throws(FederationError) -> EncryptedVector {
    if let index = values.firstIndex(where: { !($0.magnitude < scheme.bound) }) {
      throw FederationError(
        "value \(index) is \(values[index]), and what is encrypted must be below \(scheme.bound) in magnitude; clip the update or scale it down",
        .badInput)
    }
    let count = scheme.ciphertexts(values.count)
    let streams = (0..<count).map { _ in KeyStream(keyFrom: &generator) }
    let ciphertexts = parallelMap(count) { index in
      let range =
        index * CKKSCiphertext.slots..<min((index + 1) * CKKSCiphertext.slots, values.count)
      var stream = streams[index]
      return EncryptedVector.Ciphertext.ckks(publicKey.encrypt(values[range], using: &stream))
    }
    return EncryptedVector(under: self, count: values.count, weight: 1, ciphertexts)
  }

  package func sum(
    _ first: EncryptedVector, _ second: EncryptedVector
  ) throws(FederationError) -> EncryptedVector {
    let weight = try summedWeight(first, second)
    let ciphertexts = parallelMap(first.ciphertexts.count) { index in
      var ciphertext = opened(first.ciphertexts[index])
      ciphertext.add(opened(second.ciphertexts[index]))
      return EncryptedVector.Ciphertext.ckks(ciphertext)
    }
    return EncryptedVector(under: self, count: first.count, weight: weight, ciphertexts)
  }

  package func product(
    _ vector: EncryptedVector, by factor: Int
  ) throws(FederationError) -> EncryptedVector {
    let weight = try multipliedWeight(vector, by: factor)
    let ciphertexts = parallelMap(vector.ciphertexts.count) { index in
      var ciphertext = opened(vector.ciphertexts[index])
      ciphertext.multiply(by: factor)
      return EncryptedVector.Ciphertext.ckks(ciphertext)
    }
    return EncryptedVector(under: self, count: vector.count, weight: weight, ciphertexts)
  }

  package func decrypt(_ vector: EncryptedVector) throws(FederationError) -> [Double] {
    guard let secretKey else { throw noSecretKey }
    try check(vector)
    return parallelMap(vector.ciphertexts.count) { index in
      secretKey.decrypt(
        opened(vector.ciphertexts[index]),
        count: min(CKKSCiphertext.slots, vector.count - index * CKKSCiphertext.slots))
    }.flatMap { $0 }
  }

  package func ciphertext(
    bytes: ArraySlice<UInt8>
  ) throws(FederationError) -> EncryptedVector.Ciphertext {
    .ckks(try CKKSCiphertext(bytes: bytes))
  }

  private func opened(_ ciphertext: EncryptedVector.Ciphertext) -> CKKSCiphertext {
    guard case .ckks(let ciphertext) = ciphertext else {
      preconditionFailure("a vector of CKKS holds a ciphertext of another scheme")
    }
    return ciphertext
  }
}
