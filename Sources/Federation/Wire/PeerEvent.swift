/// A connection to another party, by a number that is not used again.
package struct PeerID: Hashable, Sendable {
  let number: Int
}

/// Something that happened on one of a party's connections.
package enum PeerEvent: Sendable {
  /// Someone connected.
  case joined(PeerID)
  /// A message came.
  case message(PeerID, Frame)
  /// The connection is over; with why, where the other side broke a rule.
  case left(PeerID, FederationError?)
}
