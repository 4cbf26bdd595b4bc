import Crypto

/// A client's long-lived key for signatures (Ed25519), which the others know from somewhere else than the server.
///
/// Needed only if the server may lie: it then cannot put keys of its own in place of a client's, nor tell clients different
/// lists of who survived.
package struct SecureAggregationIdentity: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  /// A new identity.
  package init(using randomness: inout some RandomNumberGenerator) throws(FederationError) {
    let bytes = [UInt8].random(32, using: &randomness)
    key = try cryptography { try Curve25519.Signing.PrivateKey(rawRepresentation: bytes) }
  }

  /// What the others know of it, 32 bytes.
  package var publicKey: [UInt8] { [UInt8](key.publicKey.rawRepresentation) }

  func signature(of statement: [UInt8]) throws(FederationError) -> [UInt8] {
    try cryptography { [UInt8](try key.signature(for: statement)) }
  }
}

/// The public keys of all clients for signatures.
package struct SecureAggregationRoster: Hashable, Sendable {
  /// By number, from client 1 on; 32 bytes each.
  package let publicKeys: [[UInt8]]

  /// Bytes of a signature.
  package static let signatureCount = 64

  /// - Throws: `FederationError` of the kind `badInput` if one is no key or two clients have the same.
  package init(publicKeys: [[UInt8]]) throws(FederationError) {
    for (index, key) in publicKeys.enumerated() where !Self.isKey(key) {
      throw FederationError("client \(index + 1)'s key for signatures is not one", .badInput)
    }
    guard Set(publicKeys).count == publicKeys.count else {
      throw FederationError("two clients have the same key for signatures", .badInput)
    }
    self.publicKeys = publicKeys
  }

  private static func isKey(_ bytes: [UInt8]) -> Bool {
    bytes.count == 32 && (try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)) != nil
  }

  func isSignature(_ signature: [UInt8], of statement: [UInt8], by client: Int) -> Bool {
    guard publicKeys.indices.contains(client - 1),
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKeys[client - 1])
    else { return false }
    return key.isValidSignature(signature, for: statement)
  }
}
