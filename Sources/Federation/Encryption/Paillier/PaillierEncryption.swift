/// An integer below n², in as many bytes as n² has.
package struct PaillierCiphertext: Hashable, Sendable {
  let value: BigInteger
  let byteCount: Int

  var bytes: [UInt8] { value.bigEndian(count: byteCount) }

  package static func == (left: PaillierCiphertext, right: PaillierCiphertext) -> Bool {
    left.value == right.value
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(value.description) }
}

/// Paillier's encryption of packed vectors.
package struct PaillierEncryption: AdditiveEncryption {
  package let scheme: EncryptionScheme
  private let publicKey: PaillierPublicKey
  private let secretKey: PaillierSecretKey?
  private let packing = FixedPointPacking.standard
  package let keyName: KeyName

  init(_ scheme: EncryptionScheme, _ secretKey: PaillierSecretKey) {
    self.init(scheme, secretKey.publicKey, secretKey)
  }

  private init(
    _ scheme: EncryptionScheme, _ publicKey: PaillierPublicKey, _ secretKey: PaillierSecretKey?
  ) {
    self.scheme = scheme
    self.publicKey = publicKey
    self.secretKey = secretKey
    keyName = KeyName(of: PaillierEncryption.bytes(of: publicKey))
  }

  /// n, and after it both primes where they are held.
  init(_ scheme: EncryptionScheme, bytes: [UInt8]) throws(FederationError) {
    let size = scheme.modulusBits / 8
    guard bytes.count == size || bytes.count == 2 * size else {
      throw FederationError(
        "keys of \(scheme.rawValue) have \(size) or \(2 * size) bytes, not \(bytes.count); ask for them again",
        .refused)
    }
    let publicKey = try PaillierPublicKey(n: BigInteger(bigEndian: bytes.prefix(size)))
    let secretKey = bytes.count == size ? nil : try PaillierSecretKey(bytes: bytes.suffix(size))
    guard publicKey.bits == scheme.modulusBits,
      secretKey.map({ $0.publicKey == publicKey }) != false
    else {
      throw FederationError(
        "the keys of \(scheme.rawValue) do not belong together or are not of \(scheme.modulusBits) bits; ask for them again",
        .refused)
    }
    self.init(scheme, publicKey, secretKey)
  }

  package var bytes: [UInt8] {
    PaillierEncryption.bytes(of: publicKey) + (secretKey?.bytes ?? [])
  }

  private static func bytes(of key: PaillierPublicKey) -> [UInt8] {
    key.n.bigEndian(count: key.bits / 8)
  }

  package var holdsSecretKey: Bool { secretKey != nil }

  package var publicPart: any AdditiveEncryption { PaillierEncryption(scheme, publicKey, nil) }

  package func encrypt(
    _ values: [Double], using generator: inout some RandomNumberGenerator
  ) throws(FederationError) -> EncryptedVector {
    let size = scheme.valuesPerCiphertext
    let count = scheme.ciphertexts(values.count)
    let streams = (0..<count).map { _ in KeyStream(keyFrom: &generator) }
    let ciphertexts = try parallelMap(count) { (index) throws(FederationError) in
      let range = index * size..<min((index + 1) * size, values.count)
      let plaintext = try packing.packed(values[range])
      var stream = streams[index]
      return sealed(
        secretKey?.encrypt(plaintext, using: &stream)
          ?? publicKey.encrypt(plaintext, using: &stream))
    }
    return EncryptedVector(under: self, count: values.count, weight: 1, ciphertexts)
  }

  package func sum(
    _ first: EncryptedVector, _ second: EncryptedVector
  ) throws(FederationError) -> EncryptedVector {
    let weight = try summedWeight(first, second)
    let ciphertexts = zip(first.ciphertexts, second.ciphertexts).map {
      sealed(publicKey.sum(opened($0), opened($1)))
    }
    return EncryptedVector(under: self, count: first.count, weight: weight, ciphertexts)
  }

  package func product(
    _ vector: EncryptedVector, by factor: Int
  ) throws(FederationError) -> EncryptedVector {
    let weight = try multipliedWeight(vector, by: factor)
    let ciphertexts = parallelMap(vector.ciphertexts.count) { index in
      sealed(publicKey.product(opened(vector.ciphertexts[index]), BigInteger(UInt(factor))))
    }
    return EncryptedVector(under: self, count: vector.count, weight: weight, ciphertexts)
  }

  package func decrypt(_ vector: EncryptedVector) throws(FederationError) -> [Double] {
    guard let secretKey else { throw noSecretKey }
    try check(vector)
    let size = scheme.valuesPerCiphertext
    return parallelMap(vector.ciphertexts.count) { index in
      packing.unpacked(
        secretKey.decrypt(opened(vector.ciphertexts[index])),
        count: min(size, vector.count - index * size), weight: vector.weight)
    }.flatMap { $0 }
  }

  package func ciphertext(
    bytes: ArraySlice<UInt8>
  ) throws(FederationError) -> EncryptedVector.Ciphertext {
    sealed(try publicKey.ciphertext(bigEndian: bytes))
  }

  private func sealed(_ value: BigInteger) -> EncryptedVector.Ciphertext {
    .paillier(PaillierCiphertext(value: value, byteCount: publicKey.ciphertextByteCount))
  }

  private func opened(_ ciphertext: EncryptedVector.Ciphertext) -> BigInteger {
    guard case .paillier(let ciphertext) = ciphertext else {
      preconditionFailure("a vector of Paillier's holds a ciphertext of another scheme")
    }
    return ciphertext.value
  }
}
