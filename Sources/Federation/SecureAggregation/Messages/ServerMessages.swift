/// AdvertiseKeys, the server's: the keys of all who sent theirs, U1.
package struct KeyList: SecureAggregationMessage {
  package static let kind = SecureAggregationMessageKind.keyList
  package let session: SecureAggregationSession
  package let entries: [KeyAdvertisement]

  package var bodyCount: Int { 2 + entries.reduce(0) { $0 + $1.bodyCount } }

  package func appendBody(to bytes: inout [UInt8]) {
    bytes.appendNumber(UInt16(entries.count))
    for entry in entries { entry.appendBody(to: &bytes) }
  }

  init(session: SecureAggregationSession, entries: [KeyAdvertisement]) {
    self.session = session
    self.entries = entries
  }

  package init(
    session: SecureAggregationSession, body: inout SecureAggregationBody,
    settings: SecureAggregationSettings
  ) throws(FederationError) {
    self.init(
      session: session,
      entries: try body.reader.list(settings, size: 2 * KeyAdvertisement.keyCount) {
        (reader, client) throws(FederationError) in
        try KeyAdvertisement(session: session, sender: client, body: &reader, settings: settings)
      })
  }
}

/// ShareKeys, the server's: the shares that all others of U2 made for one client.
package struct ForwardedShares: SecureAggregationMessage {
  package static let kind = SecureAggregationMessageKind.forwardedShares
  package let session: SecureAggregationSession
  package let recipient: Int
  package let shares: [EncryptedShares]

  package var bodyCount: Int {
    2 + 2 + shares.count * (2 + EncryptedShares.ciphertextCount)
  }

  package func appendBody(to bytes: inout [UInt8]) {
    bytes.appendNumber(UInt16(recipient))
    bytes.append(shares)
  }

  init(session: SecureAggregationSession, recipient: Int, shares: [EncryptedShares]) {
    self.session = session
    self.recipient = recipient
    self.shares = shares
  }

  package init(
    session: SecureAggregationSession, body: inout SecureAggregationBody,
    settings: SecureAggregationSettings
  ) throws(FederationError) {
    self.init(
      session: session, recipient: try body.reader.client(settings),
      shares: try body.reader.encryptedShares(settings))
  }
}

/// MaskedInput, the server's: whose vectors are in the sum, U3.
package struct SurvivorList: SecureAggregationMessage {
  package static let kind = SecureAggregationMessageKind.survivorList
  package let session: SecureAggregationSession
  package let survivors: [Int]

  package var bodyCount: Int { 2 + 2 * survivors.count }

  package func appendBody(to bytes: inout [UInt8]) {
    bytes.appendNumber(UInt16(survivors.count))
    for survivor in survivors { bytes.appendNumber(UInt16(survivor)) }
  }

  init(session: SecureAggregationSession, survivors: [Int]) {
    self.session = session
    self.survivors = survivors
  }

  package init(
    session: SecureAggregationSession, body: inout SecureAggregationBody,
    settings: SecureAggregationSettings
  ) throws(FederationError) {
    self.init(
      session: session,
      survivors: try body.reader.list(settings, size: 0) { _, client in client })
  }
}

/// ConsistencyCheck, the server's: the signatures of all who signed, U4.
package struct SignatureList: SecureAggregationMessage {
  package static let kind = SecureAggregationMessageKind.signatureList
  package let session: SecureAggregationSession
  package let entries: [SurvivorSignature]

  package var bodyCount: Int { 2 + entries.reduce(0) { $0 + $1.bodyCount } }

  package func appendBody(to bytes: inout [UInt8]) {
    bytes.appendNumber(UInt16(entries.count))
    for entry in entries { entry.appendBody(to: &bytes) }
  }

  init(session: SecureAggregationSession, entries: [SurvivorSignature]) {
    self.session = session
    self.entries = entries
  }

  package init(
    session: SecureAggregationSession, body: inout SecureAggregationBody,
    settings: SecureAggregationSettings
  ) throws(FederationError) {
    let count = SecureAggregationRoster.signatureCount
    self.init(
      session: session,
      entries: try body.reader.list(settings, size: count) {
        (reader, client) throws(FederationError) in
        SurvivorSignature(
          session: session, sender: client, signature: try reader.bytes(count))
      })
  }
}
