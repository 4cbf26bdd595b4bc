/// The messages of the protocol, by the byte that stands for each.
package enum SecureAggregationMessageKind: UInt8, CaseIterable, Sendable {
  case keyAdvertisement = 1
  case keyList, shareBundle, forwardedShares, maskedVector, survivorList, survivorSignature
  case signatureList, unmaskingShares

  /// The message in words.
  var name: String {
    switch self {
    case .keyAdvertisement: "an advertisement of keys"
    case .keyList: "a list of keys"
    case .shareBundle: "a bundle of shares"
    case .forwardedShares: "a list of shares"
    case .maskedVector: "a masked vector"
    case .survivorList: "a list of survivors"
    case .survivorSignature: "a signature of the survivors"
    case .signatureList: "a list of signatures"
    case .unmaskingShares: "a list of shares for unmasking"
    }
  }

  /// The kind that a message's header tells; nil if it is none.
  package init?(of bytes: [UInt8]) {
    guard bytes.count > SecureAggregationHeader.count - 1 else { return nil }
    self.init(rawValue: bytes[SecureAggregationHeader.kindPosition])
  }
}

/// What stands before every message: the letters SA, the version 1, its kind, the session's name and round.
enum SecureAggregationHeader {
  static let count = 24
  static let kindPosition = 3
  static let beginning: [UInt8] = [0x53, 0x41, 1]
}

/// A message of the protocol, in bytes: a header, then numbers in little-endian order without padding, to the last byte.
package protocol SecureAggregationMessage: Hashable, Sendable {
  /// Which one it is.
  static var kind: SecureAggregationMessageKind { get }
  /// The run of the protocol that it belongs to.
  var session: SecureAggregationSession { get }
  /// Bytes after the header.
  var bodyCount: Int { get }
  /// Writes what follows the header.
  func appendBody(to bytes: inout [UInt8])
  /// Reads what follows the header.
  init(
    session: SecureAggregationSession, body: inout SecureAggregationBody,
    settings: SecureAggregationSettings) throws(FederationError)
}

/// The rest of a message that is being read.
package struct SecureAggregationBody {
  var reader: MessageReader
}

extension SecureAggregationMessage {
  /// Bytes of the whole message.
  package var encodedCount: Int { SecureAggregationHeader.count + bodyCount }

  /// The message in bytes.
  package func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(encodedCount)
    bytes += SecureAggregationHeader.beginning
    bytes.append(Self.kind.rawValue)
    bytes += session.identifier
    bytes.appendNumber(UInt32(session.round))
    appendBody(to: &bytes)
    return bytes
  }

  /// Reads a message of this kind.
  ///
  /// - Throws: `FederationError` of the kind `refused` unless it is one, of the settings' sizes, to the last byte.
  package init(decoding bytes: [UInt8], settings: SecureAggregationSettings) throws(FederationError)
  {
    var reader = MessageReader(bytes, Self.kind.name)
    guard try reader.bytes(3) == SecureAggregationHeader.beginning else {
      throw reader.refused("does not begin as one")
    }
    guard try reader.number(UInt8.self) == Self.kind.rawValue else {
      throw reader.refused("is another message")
    }
    let session = try SecureAggregationSession(
      identifier: reader.bytes(SecureAggregationSession.identifierCount),
      round: reader.number(UInt32.self))
    var body = SecureAggregationBody(reader: reader)
    try self.init(session: session, body: &body, settings: settings)
    try body.reader.end()
  }
}
