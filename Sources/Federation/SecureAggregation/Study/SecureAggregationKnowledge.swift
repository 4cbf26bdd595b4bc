import Crypto

/// The secrets that a curious server has after a round, and what it can take off a client's masked vector with them.
///
/// It has the own seed of every survivor and the mask key of everyone that dropped out after ShareKeys. Clients that collude with
/// it tell it their mask keys.
package struct SecureAggregationKnowledge: Sendable {
  /// A mask that is left on a vector.
  package enum Mask: Hashable, Sendable {
    case own
    case pair(with: Int)
  }

  let context: SecureAggregationContext
  let sharers: [Int]
  let publicKeys: [Int: [UInt8]]
  /// Seeds of own masks, b_u, by client.
  package internal(set) var ownSeeds: [Int: [UInt8]] = [:]
  /// Mask keys, s_u^SK, by client.
  package internal(set) var maskingKeys: [Int: [UInt8]] = [:]

  init(context: SecureAggregationContext, sharers: [Int], publicKeys: [Int: [UInt8]]) {
    self.context = context
    self.sharers = sharers
    self.publicKeys = publicKeys
  }

  /// Adds what a client tells that colludes.
  package mutating func learn(maskingKey: [UInt8], of client: Int) throws(FederationError) {
    guard let publicKey = publicKeys[client],
      SecureAggregationContext.publicKey(of: maskingKey) == publicKey
    else {
      throw FederationError("this is not the mask key that client \(client) announced", .badInput)
    }
    maskingKeys[client] = maskingKey
  }

  /// A masked vector without the masks that are known, and which are left.
  ///
  /// A vector that came too late counts as well: its sender was taken for dropped out and its mask key was rebuilt, so that its own mask
  /// alone is left, which is why there are two kinds of masks.
  package func residual(
    of vector: MaskedVector
  ) throws(FederationError) -> (words: [UInt32], masks: [Mask]) {
    let client = vector.sender
    var words = vector.words
    var left: [Mask] = []
    if let seed = ownSeeds[client] {
      try context.generator(seed).apply(.minus, to: &words)
    } else {
      left.append(.own)
    }
    for peer in sharers where peer != client {
      // The key of either end makes the mask of a pair.
      let (key, other) =
        maskingKeys[client] != nil
        ? (maskingKeys[client], publicKeys[peer]) : (maskingKeys[peer], publicKeys[client])
      guard let key, let other else {
        left.append(.pair(with: peer))
        continue
      }
      let own = try cryptography {
        try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: key)
      }
      try context.pairGenerator(own, with: other, between: client, and: peer)
        .apply(SecureAggregationContext.sign(of: client, towards: peer).opposite, to: &words)
    }
    return (words, left)
  }

  /// The sign with which a mask that is left is in a client's vector.
  package func sign(of mask: Mask, in client: Int) -> MaskingGenerator.Sign {
    switch mask {
    case .own: .plus
    case .pair(let peer): SecureAggregationContext.sign(of: client, towards: peer)
    }
  }
}
