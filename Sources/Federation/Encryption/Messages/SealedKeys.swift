import Crypto

/// The workers' key pair on its way from the one that made it to the others, through a server that cannot read it: the pair
/// is encrypted once, and the key to that for each other worker under what its X25519 key and the maker's agree on.
///
/// Nobody vouches for the X25519 keys: a server that puts keys of its own in their place reads everything. Like all of this
/// encryption it holds against a server that looks on and keeps to the protocol.
struct SealedKeys: Hashable, Sendable {
  /// What the server may know: the public key of the pair.
  let publicKey: [UInt8]
  /// The pair, encrypted.
  let pair: [UInt8]
  /// By worker, the key to the pair, encrypted.
  let boxes: [Int: [UInt8]]

  private static let boxCount = 12 + 32 + 16

  /// What both sides of a box know: who sealed it for whom, in which round of which federation.
  struct Parties: Sendable {
    /// The federation's seed, which names it.
    let seed: UInt64
    let round: Int
    let maker: Int
    let makerKey: [UInt8]
    let recipient: Int
    let recipientKey: [UInt8]

    var statement: [UInt8] {
      var bytes = Array("gradleak keys of workers 1\0".utf8)
      bytes.appendNumber(seed)
      for number in [round, maker, recipient] { bytes.appendNumber(UInt32(number)) }
      return bytes + makerKey + recipientKey
    }

    /// The key of the box, HKDF-SHA256 of the X25519 secret.
    func key(
      _ own: Curve25519.KeyAgreement.PrivateKey, with other: [UInt8]
    ) throws(FederationError) -> SymmetricKey {
      try SecureAggregationContext.agreement(of: own, with: other).hkdfDerivedSymmetricKey(
        using: SHA256.self, salt: [UInt8](), sharedInfo: statement, outputByteCount: 32)
    }
  }

  /// Seals a pair of keys.
  ///
  /// - Parameters:
  ///   - own: the maker's X25519 key.
  ///   - recipients: one for each other worker.
  init(
    _ keys: any AdditiveEncryption, own: Curve25519.KeyAgreement.PrivateKey,
    for recipients: [Parties]
  ) throws(FederationError) {
    let key = SymmetricKey(size: .bits256)
    let keyBytes = key.withUnsafeBytes { Array($0) }
    publicKey = keys.publicPart.bytes
    pair = try cryptography { [UInt8](try ChaChaPoly.seal(keys.bytes, using: key).combined) }
    var boxes: [Int: [UInt8]] = [:]
    for parties in recipients {
      let box = try parties.key(own, with: parties.recipientKey)
      boxes[parties.recipient] = try cryptography {
        [UInt8](
          try ChaChaPoly.seal(keyBytes, using: box, authenticating: parties.statement).combined)
      }
    }
    self.boxes = boxes
  }

  /// Opens what was sealed for one worker.
  ///
  /// - Throws: ``FederationError`` of kind `refused` where it was not sealed for it.
  static func open(
    _ box: [UInt8], pair: [UInt8], own: Curve25519.KeyAgreement.PrivateKey, _ parties: Parties,
    _ scheme: EncryptionScheme
  ) throws(FederationError) -> any AdditiveEncryption {
    let key = try parties.key(own, with: parties.makerKey)
    guard let sealedKey = try? ChaChaPoly.SealedBox(combined: box),
      let opened = try? ChaChaPoly.open(sealedKey, using: key, authenticating: parties.statement),
      let sealedPair = try? ChaChaPoly.SealedBox(combined: pair),
      let bytes = try? ChaChaPoly.open(sealedPair, using: SymmetricKey(data: opened))
    else { throw FederationError("the keys were not sealed for this worker", .refused) }
    let keys = try scheme.keys(bytes: bytes)
    guard keys.holdsSecretKey else {
      throw FederationError("the keys that were sealed do not decrypt", .refused)
    }
    return keys
  }

  /// As a message's body, little-endian: both lengths (32 bits) and what they are of, and for each worker its number (16 bits)
  /// and box.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    for part in [publicKey, pair] {
      bytes.appendNumber(UInt32(part.count))
      bytes += part
    }
    for (worker, box) in boxes.sorted(by: { $0.key < $1.key }) {
      bytes.appendNumber(UInt16(worker))
      bytes += box
    }
    return bytes
  }

  /// - Parameter recipients: workers that there must be a box for, and no others.
  init(_ bytes: [UInt8], recipients: [Int]) throws(FederationError) {
    var reader = MessageReader(bytes, "a message with sealed keys")
    publicKey = try reader.bytes(try reader.number(UInt32.self))
    pair = try reader.bytes(try reader.number(UInt32.self))
    var boxes: [Int: [UInt8]] = [:]
    for worker in recipients {
      guard try reader.number(UInt16.self) == worker else {
        throw reader.refused("is not for those that lack keys")
      }
      boxes[worker] = try reader.bytes(SealedKeys.boxCount)
    }
    try reader.end()
    self.boxes = boxes
  }
}
