import Crypto

/// What binds every key, ciphertext, signature and digest to one run of the protocol under its settings.
struct SecureAggregationContext: Hashable, Sendable {
  let settings: SecureAggregationSettings
  let session: SecureAggregationSession
  /// SHA-256 over both.
  private let digest: [UInt8]

  init(_ settings: SecureAggregationSettings, _ session: SecureAggregationSession) {
    self.settings = settings
    self.session = session
    var bytes = Array("gradleak secure aggregation 1".utf8)
    bytes += session.identifier
    for number in [
      session.round, settings.clientCount, settings.threshold, settings.vectorLength,
      settings.seedBits, settings.active ? 1 : 0,
    ] {
      bytes.appendNumber(UInt64(number))
    }
    digest = [UInt8](SHA256.hash(data: bytes))
  }

  /// A statement of this run: its purpose, its context, then what it is about.
  func statement(_ purpose: String, _ clients: [Int], _ rest: [UInt8] = []) -> [UInt8] {
    // The purposes have different lengths or letters, and the clients are counted: no two statements are the same bytes.
    var bytes = Array("gradleak \(purpose)\0".utf8) + digest
    bytes.appendNumber(UInt16(clients.count))
    for client in clients { bytes.appendNumber(UInt16(client)) }
    return bytes + rest
  }

  /// SHA-256 of a statement.
  func hash(_ purpose: String, _ clients: [Int], _ rest: [UInt8] = []) -> [UInt8] {
    [UInt8](SHA256.hash(data: statement(purpose, clients, rest)))
  }

  // MARK: Keys

  /// The keys under which two clients encrypt shares for each other: HKDF-SHA256 of their X25519 secret.
  func shareKeys(
    _ own: Curve25519.KeyAgreement.PrivateKey, of client: Int, with other: [UInt8], of peer: Int
  ) throws(FederationError) -> (sealing: SymmetricKey, opening: SymmetricKey) {
    let secret = try Self.agreement(of: own, with: other)
    return (
      derivedKey(secret, info: statement("share key", [client, peer])),
      derivedKey(secret, info: statement("share key", [peer, client]))
    )
  }

  /// The generator of the mask that two clients have in common, from the key of one and the public key of the other.
  func pairGenerator(
    _ own: Curve25519.KeyAgreement.PrivateKey, with other: [UInt8], between one: Int, and two: Int
  ) throws(FederationError) -> MaskingGenerator {
    let key = derivedKey(
      try Self.agreement(of: own, with: other),
      info: statement("pair mask", [min(one, two), max(one, two)]))
    return generator(key.withUnsafeBytes { [UInt8]($0) })
  }

  /// The generator of a seed, as weak as the settings say.
  func generator(_ seed: [UInt8]) -> MaskingGenerator {
    MaskingGenerator(seed: seed, seedBits: settings.seedBits)
  }

  /// The sign that `client` gives the mask that it has in common with `peer`: the lower number adds what the higher subtracts.
  static func sign(of client: Int, towards peer: Int) -> MaskingGenerator.Sign {
    peer > client ? .plus : .minus
  }

  private func derivedKey(_ secret: SharedSecret, info: [UInt8]) -> SymmetricKey {
    secret.hkdfDerivedSymmetricKey(
      using: SHA256.self, salt: digest, sharedInfo: info, outputByteCount: 32)
  }

  /// What two keys agree on; keys of small subgroups, with which everyone agrees on zero, are refused.
  static func agreement(
    of own: Curve25519.KeyAgreement.PrivateKey, with other: [UInt8]
  ) throws(FederationError) -> SharedSecret {
    let secret = try cryptography {
      try own.sharedSecretFromKeyAgreement(
        with: Curve25519.KeyAgreement.PublicKey(rawRepresentation: other))
    }
    // RFC 7748, section 6.1; the library leaves it to its callers.
    guard secret.withUnsafeBytes({ $0.reduce(0, |) }) != 0 else {
      throw FederationError("a public key agrees on nothing with any other", .refused)
    }
    return secret
  }

  /// Whether other keys can agree with a public key.
  static func isUsable(_ publicKey: [UInt8]) -> Bool {
    (try? agreement(of: probe, with: publicKey)) != nil
  }

  /// Any key: whether the outcome is zero depends on the public key alone.
  private static let probe = Curve25519.KeyAgreement.PrivateKey()

  /// Random bytes as a private key with the bits that X25519 ignores set as it takes them (RFC 7748, section 5), so that every key
  /// has one form and no wrong share passes for a right one.
  static func privateKey(
    using randomness: inout some RandomNumberGenerator
  ) throws(FederationError) -> Curve25519.KeyAgreement.PrivateKey {
    var bytes = [UInt8].random(32, using: &randomness)
    bytes[0] &= 0xF8
    bytes[31] = bytes[31] & 0x7F | 0x40
    return try cryptography { [bytes] in
      try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes)
    }
  }

  /// The public key of a private one; nil for bytes that ``privateKey(using:)`` does not give.
  static func publicKey(of bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count == 32, bytes[0] & 0x07 == 0, bytes[31] & 0xC0 == 0x40 else { return nil }
    return (try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes)).map {
      [UInt8]($0.publicKey.rawRepresentation)
    }
  }

  // MARK: What is committed to

  /// What a client publishes of the seed of its own mask before anyone may ask for it.
  func commitment(to ownSeed: [UInt8], of client: Int) -> [UInt8] {
    hash("own mask", [client], ownSeed)
  }

  /// What a client signs of its keys.
  func keyStatement(client: Int, sharingKey: [UInt8], maskingKey: [UInt8]) -> [UInt8] {
    statement("public keys", [client], sharingKey + maskingKey)
  }

  /// What a client signs of who survived.
  func survivorStatement(_ survivors: [Int]) -> [UInt8] { statement("survivors", survivors) }

  /// Digest of the list of keys as a client was sent it.
  func digest(of entries: [KeyAdvertisement]) -> [UInt8] {
    hash(
      "key list", entries.map(\.sender),
      entries.flatMap { $0.sharingKey + $0.maskingKey + ($0.signature ?? []) })
  }

  /// Digest of a masked vector and of whose masks it holds.
  func digest(of words: [UInt32], from client: Int, maskedWith sharers: [Int]) -> [UInt8] {
    var hash = SHA256()
    hash.update(data: statement("masked vector", [client] + sharers))
    words.withLittleEndianBytes { hash.update(bufferPointer: $0) }
    return [UInt8](hash.finalize())
  }
}
