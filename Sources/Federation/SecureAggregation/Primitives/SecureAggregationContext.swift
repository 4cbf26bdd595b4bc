import Crypto
import Foundation

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

  /// The key under which `sender` encrypts shares for `recipient`: HKDF-SHA256 of their X25519 secret.
  func shareKey(
    _ own: Curve25519.KeyAgreement.PrivateKey, with other: [UInt8], from sender: Int,
    to recipient: Int
  ) throws -> SymmetricKey {
    try derivedKey(own, with: other, info: statement("share key", [sender, recipient]))
  }

  /// The generator of the mask that two clients have in common, from the key of one and the public key of the other.
  func pairGenerator(
    _ own: Curve25519.KeyAgreement.PrivateKey, with other: [UInt8], between one: Int, and two: Int
  ) throws -> MaskingGenerator {
    let key = try derivedKey(
      own, with: other, info: statement("pair mask", [min(one, two), max(one, two)]))
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

  private func derivedKey(
    _ own: Curve25519.KeyAgreement.PrivateKey, with other: [UInt8], info: [UInt8]
  ) throws -> SymmetricKey {
    let secret = try own.sharedSecretFromKeyAgreement(
      with: Curve25519.KeyAgreement.PublicKey(rawRepresentation: other))
    return secret.hkdfDerivedSymmetricKey(
      using: SHA256.self, salt: digest, sharedInfo: info, outputByteCount: 32)
  }

  /// Whether other keys can agree with a public key: those of a small subgroup agree on zero, and are refused.
  static func isUsable(_ publicKey: [UInt8]) -> Bool {
    guard let key = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: publicKey) else {
      return false
    }
    return (try? probe.sharedSecretFromKeyAgreement(with: key)) != nil
  }

  /// Any key: whether the outcome is zero depends on the public key alone.
  private static let probe = Curve25519.KeyAgreement.PrivateKey()

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
