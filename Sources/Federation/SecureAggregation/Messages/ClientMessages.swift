/// AdvertiseKeys, a client's: two public keys, signed if the server may lie.
package struct KeyAdvertisement: SecureAggregationMessage {
  package static let kind = SecureAggregationMessageKind.keyAdvertisement
  package let session: SecureAggregationSession
  package let sender: Int
  /// X25519, for the encryption of shares: c^PK.
  package let sharingKey: [UInt8]
  /// X25519, for the masks: s^PK.
  package let maskingKey: [UInt8]
  /// Ed25519, over the context, the sender and both keys.
  package let signature: [UInt8]?

  static let keyCount = 32

  init(
    session: SecureAggregationSession, sender: Int, sharingKey: [UInt8], maskingKey: [UInt8],
    signature: [UInt8]?
  ) {
    self.session = session
    self.sender = sender
    self.sharingKey = sharingKey
    self.maskingKey = maskingKey
    self.signature = signature
  }

  package var bodyCount: Int { 2 + 2 * Self.keyCount + (signature?.count ?? 0) }

  package func appendBody(to bytes: inout [UInt8]) {
    bytes.appendNumber(UInt16(sender))
    bytes += sharingKey + maskingKey + (signature ?? [])
  }

  package init(
    session: SecureAggregationSession, body: inout SecureAggregationBody,
    settings: SecureAggregationSettings
  ) throws(FederationError) {
    let sender = try body.reader.client(settings)
    try self.init(session: session, sender: sender, body: &body.reader, settings: settings)
  }

  init(
    session: SecureAggregationSession, sender: Int, body reader: inout MessageReader,
    settings: SecureAggregationSettings
  ) throws(FederationError) {
    self.init(
      session: session, sender: sender, sharingKey: try reader.bytes(Self.keyCount),
      maskingKey: try reader.bytes(Self.keyCount),
      signature: settings.active ? try reader.bytes(SecureAggregationRoster.signatureCount) : nil)
  }
}

/// Two shares for one client, encrypted: a nonce of 12 bytes, 64 of ciphertext, a tag of 16 (ChaCha20-Poly1305).
package struct EncryptedShares: Hashable, Sendable {
  /// Whom they are for, or whom they are from.
  package let client: Int
  package let ciphertext: [UInt8]

  static let ciphertextCount = 12 + 64 + 16
}

/// ShareKeys, a client's: shares of its mask key and of its own seed for everyone else.
package struct ShareBundle: SecureAggregationMessage {
  package static let kind = SecureAggregationMessageKind.shareBundle
  package let session: SecureAggregationSession
  package let sender: Int
  /// Digest of the list of keys that it was sent: the server refuses shares made for another.
  package let listDigest: [UInt8]
  /// Commitment to the seed of its own mask, so that a wrong share is noticed.
  package let commitment: [UInt8]
  /// For each other client of the list.
  package let shares: [EncryptedShares]

  package var bodyCount: Int {
    2 + 64 + 2 + shares.count * (2 + EncryptedShares.ciphertextCount)
  }

  package func appendBody(to bytes: inout [UInt8]) {
    bytes.appendNumber(UInt16(sender))
    bytes += listDigest + commitment
    bytes.append(shares)
  }

  init(
    session: SecureAggregationSession, sender: Int, listDigest: [UInt8], commitment: [UInt8],
    shares: [EncryptedShares]
  ) {
    self.session = session
    self.sender = sender
    self.listDigest = listDigest
    self.commitment = commitment
    self.shares = shares
  }

  package init(
    session: SecureAggregationSession, body: inout SecureAggregationBody,
    settings: SecureAggregationSettings
  ) throws(FederationError) {
    self.init(
      session: session, sender: try body.reader.client(settings),
      listDigest: try body.reader.bytes(32), commitment: try body.reader.bytes(32),
      shares: try body.reader.encryptedShares(settings))
  }
}

/// MaskedInput, a client's: its vector under all masks, y_u.
package struct MaskedVector: SecureAggregationMessage {
  package static let kind = SecureAggregationMessageKind.maskedVector
  package let session: SecureAggregationSession
  package let sender: Int
  /// Digest of the words and of whose masks are among them: what was damaged, or masked for others, would spoil the sum.
  package let digest: [UInt8]
  package let words: [UInt32]

  package var bodyCount: Int { 2 + 32 + 4 + 4 * words.count }

  package func appendBody(to bytes: inout [UInt8]) {
    bytes.appendNumber(UInt16(sender))
    bytes += digest
    bytes.appendNumber(UInt32(words.count))
    words.withLittleEndianBytes { bytes.append(contentsOf: $0) }
  }

  init(session: SecureAggregationSession, sender: Int, digest: [UInt8], words: [UInt32]) {
    self.session = session
    self.sender = sender
    self.digest = digest
    self.words = words
  }

  package init(
    session: SecureAggregationSession, body: inout SecureAggregationBody,
    settings: SecureAggregationSettings
  ) throws(FederationError) {
    let sender = try body.reader.client(settings)
    let digest = try body.reader.bytes(32)
    let count = try body.reader.number(UInt32.self)
    guard count == settings.vectorLength else {
      throw body.reader.refused("has \(count) words, where \(settings.vectorLength) were agreed on")
    }
    self.init(
      session: session, sender: sender, digest: digest, words: try body.reader.words(count))
  }
}

/// ConsistencyCheck, a client's: that it was sent this list of survivors.
package struct SurvivorSignature: SecureAggregationMessage {
  package static let kind = SecureAggregationMessageKind.survivorSignature
  package let session: SecureAggregationSession
  package let sender: Int
  package let signature: [UInt8]

  package var bodyCount: Int { 2 + SecureAggregationRoster.signatureCount }

  package func appendBody(to bytes: inout [UInt8]) {
    bytes.appendNumber(UInt16(sender))
    bytes += signature
  }

  init(session: SecureAggregationSession, sender: Int, signature: [UInt8]) {
    self.session = session
    self.sender = sender
    self.signature = signature
  }

  package init(
    session: SecureAggregationSession, body: inout SecureAggregationBody,
    settings: SecureAggregationSettings
  ) throws(FederationError) {
    self.init(
      session: session, sender: try body.reader.client(settings),
      signature: try body.reader.bytes(SecureAggregationRoster.signatureCount))
  }
}

/// What a share helps to rebuild.
package enum SharedSecretKind: UInt8, Sendable {
  /// The seed of a survivor's own mask, b_u.
  case ownSeed = 0
  /// The key of the masks of a client that dropped out, s_u^SK.
  case maskingKey = 1
}

/// A share that a client gives up.
package struct UnmaskingShare: Hashable, Sendable {
  /// Whose secret it helps to rebuild.
  package let owner: Int
  package let secret: SharedSecretKind
  package let share: [UInt8]

  static let shareCount = 32
}

/// Unmasking, a client's: for each client that shared secrets, one share, never two.
package struct UnmaskingShares: SecureAggregationMessage {
  package static let kind = SecureAggregationMessageKind.unmaskingShares
  package let session: SecureAggregationSession
  package let sender: Int
  package let shares: [UnmaskingShare]

  package var bodyCount: Int { 2 + 2 + shares.count * (3 + UnmaskingShare.shareCount) }

  package func appendBody(to bytes: inout [UInt8]) {
    bytes.appendNumber(UInt16(sender))
    bytes.appendNumber(UInt16(shares.count))
    for share in shares {
      bytes.appendNumber(UInt16(share.owner))
      bytes.append(share.secret.rawValue)
      bytes += share.share
    }
  }

  init(session: SecureAggregationSession, sender: Int, shares: [UnmaskingShare]) {
    self.session = session
    self.sender = sender
    self.shares = shares
  }

  package init(
    session: SecureAggregationSession, body: inout SecureAggregationBody,
    settings: SecureAggregationSettings
  ) throws(FederationError) {
    self.init(
      session: session, sender: try body.reader.client(settings),
      shares: try body.reader.list(settings, size: 1 + UnmaskingShare.shareCount) {
        (reader, owner) throws(FederationError) in
        guard let secret = SharedSecretKind(rawValue: UInt8(try reader.number(UInt8.self))) else {
          throw reader.refused("has a share of neither secret")
        }
        return UnmaskingShare(
          owner: owner, secret: secret, share: try reader.bytes(UnmaskingShare.shareCount))
      })
  }
}

extension [UInt8] {
  /// Appends shares, counted.
  mutating func append(_ shares: [EncryptedShares]) {
    appendNumber(UInt16(shares.count))
    for share in shares {
      appendNumber(UInt16(share.client))
      self += share.ciphertext
    }
  }
}

extension MessageReader {
  /// Shares, counted.
  mutating func encryptedShares(_ settings: SecureAggregationSettings) throws(FederationError)
    -> [EncryptedShares]
  {
    try list(settings, size: EncryptedShares.ciphertextCount) {
      (reader, client) throws(FederationError) in
      EncryptedShares(
        client: client, ciphertext: try reader.bytes(EncryptedShares.ciphertextCount))
    }
  }
}
