/// What a scheme of encryption protects against, and what not, as facts that reports can state.
package struct EncryptionTrust: Codable, Hashable, Sendable {
  /// Those who take part.
  package enum Party: String, CaseIterable, Codable, Sendable {
    case client, server
  }

  /// Who has the key that decrypts: with these schemes there is one, and every client has it.
  package let keyHolders: [Party]
  /// How many key holders must help the server so that it reads every client's update: 1.
  package let colludersToOpenAll: Int
  /// Whether key holders who see another's ciphertext read it: on the way to the server, or as a neighbour in a ring.
  package let clientsReadEachOther: Bool
  /// Whether sums that key holders decrypted may be given to others without leaking the key (Li and Micciancio, "On the
  /// Security of Homomorphic Encryption on Approximate Numbers", EUROCRYPT 2021).
  package let decryptionsMayBeShared: Bool
  /// Whether anyone notices when the server adds something else than the clients sent.
  package let sumIsVerified: Bool

  /// Those of a scheme as it is used in federations.
  package init(_ scheme: EncryptionScheme) {
    keyHolders = [.client]
    colludersToOpenAll = 1
    clientsReadEachOther = true
    decryptionsMayBeShared =
      switch scheme {
      case .paillier, .paillier2048: true
      case .ckks: false
      }
    sumIsVerified = false
  }
}
