/// Ways to encrypt an update so that whoever has no key can still add it to others.
package enum EncryptionScheme: String, CaseIterable, Codable, Hashable, Sendable {
  /// Paillier's with a modulus of 3072 bits, packed as Phong et al. (2018) do.
  case paillier
  /// The same with 2048 bits, what Phong et al. compare with and FATE's users run.
  case paillier2048 = "paillier-2048"
  /// CKKS with the parameters of NVFlare and of TenSEAL's examples, for addition alone.
  case ckks

  /// What it is, in words.
  package var summary: String {
    switch self {
    case .paillier, .paillier2048:
      "Paillier, modulus of \(modulusBits) bits, \(valuesPerCiphertext) numbers of 32 bits in a ciphertext"
    case .ckks:
      "CKKS, degree 8192, primes of 60 and 40 bits, scale 2^40, 4096 numbers in a ciphertext"
    }
  }

  /// Of Paillier's n; of the product of all primes of CKKS.
  package var modulusBits: Int {
    switch self {
    case .paillier: 3072
    case .paillier2048: 2048
    case .ckks: 140
    }
  }

  /// What an attacker must do without the key, as a power of two: NIST SP 800-57 part 1 for factoring; for CKKS the
  /// table of HomomorphicEncryption.org (Albrecht et al. 2018), which at degree 8192 allows 218 bits for 128.
  package var securityBits: Int {
    switch self {
    case .paillier, .ckks: 128
    case .paillier2048: 112
    }
  }

  /// How many numbers a ciphertext holds.
  package var valuesPerCiphertext: Int {
    switch self {
    case .paillier, .paillier2048: FixedPointPacking.standard.fields(modulusBits: modulusBits)
    case .ckks: CKKSCiphertext.slots
    }
  }

  /// How many ciphertexts `count` numbers take.
  package func ciphertexts(_ count: Int) -> Int {
    (count + valuesPerCiphertext - 1) / valuesPerCiphertext
  }

  /// How often vectors can be added, each as often as it was multiplied, before results are wrong.
  package var maximumWeight: Int {
    switch self {
    case .paillier, .paillier2048: FixedPointPacking.standard.maximumWeight
    case .ckks: CKKSCiphertext.maximumWeight
    }
  }

  /// Numbers must be smaller in magnitude.
  package var bound: Double {
    switch self {
    case .paillier, .paillier2048: FixedPointPacking.standard.bound
    case .ckks: CKKSCiphertext.bound
    }
  }

  /// Fresh keys, as one party makes them for all clients.
  /// - Parameter generator: `SystemRandomNumberGenerator()` for secrets; a seeded one repeats the same bytes, and who knows
  ///   the seed decrypts.
  package func generateKeys(
    using generator: inout some RandomNumberGenerator
  ) -> any AdditiveEncryption {
    switch self {
    case .paillier, .paillier2048:
      var stream = KeyStream(keyFrom: &generator)
      return PaillierEncryption(
        self, .generate(bits: modulusBits, using: &stream))
    case .ckks:
      let secret = CKKSSecretKey.generate(using: &generator)
      return CKKSEncryption(secret.publicKey(using: &generator), secret)
    }
  }

  /// Keys that another party sent, ``AdditiveEncryption/bytes``.
  /// - Throws: where they are not whole or not keys of this scheme.
  package func keys(bytes: some Collection<UInt8>) throws(FederationError) -> any AdditiveEncryption
  {
    switch self {
    case .paillier, .paillier2048: try PaillierEncryption(self, bytes: Array(bytes))
    case .ckks: try CKKSEncryption(bytes: Array(bytes))
    }
  }
}
