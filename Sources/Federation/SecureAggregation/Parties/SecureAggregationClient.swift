import Crypto

/// A client of secure aggregation (Bonawitz et al., "Practical Secure Aggregation for Privacy-Preserving Machine Learning", CCS 2017,
/// figure 4): it answers the server's messages one after the other, each once.
///
/// A message that the protocol does not allow throws a `FederationError` of the kind `refused` and changes nothing. The client gives
/// up one share of every other party's secrets at most, and only once, so that nobody learns both of a party's secrets from it.
///
/// Its secrets come from the generator that it is handed: `SystemRandomNumberGenerator` for real ones. With a
/// `RandomSource` a scene can be repeated for study, and whoever knows its seed knows every secret in it.
package struct SecureAggregationClient: Sendable {
  /// Its number, from 1.
  package let number: Int
  let context: SecureAggregationContext
  let identity: SecureAggregationIdentity?
  let roster: SecureAggregationRoster?
  var randomness: any RandomNumberGenerator & Sendable
  var phase = Phase.start

  typealias PrivateKey = Curve25519.KeyAgreement.PrivateKey

  /// What it has and waits for.
  enum Phase: Sendable {
    case start
    case advertised(Keys)
    case shared(Shared)
    case masked(Masked)
    case confirmed(Masked, survivors: [Int])
    case done
  }

  /// Its two private keys.
  struct Keys: Sendable {
    let sharing: PrivateKey
    let masking: PrivateKey
    let advertisement: KeyAdvertisement
  }

  /// After it shared its secrets.
  struct Shared: Sendable {
    let keys: Keys
    let listDigest: [UInt8]
    /// U1 without itself.
    let peers: [Int: Peer]
    let ownSeed: [UInt8]
    let ownShares: HeldShares
  }

  /// What it has in common with another client.
  struct Peer: Sendable {
    let sealing: SymmetricKey
    let opening: SymmetricKey
    let mask: MaskingGenerator
  }

  /// After it sent its vector.
  struct Masked: Sendable {
    /// What it holds of every party of U2, itself included.
    let held: [Int: HeldShares]
  }

  /// Shares of a party's two secrets.
  struct HeldShares: Sendable {
    let maskingKey: [UInt8]
    let ownSeed: [UInt8]
  }

  /// A client at the beginning of a run.
  ///
  /// - Parameters:
  ///   - number: 1 to the number of clients.
  ///   - identity: its own key for signatures; needed if the server may lie.
  ///   - roster: everyone's public keys for signatures; likewise.
  ///   - randomness: where its secrets come from.
  /// - Throws: `FederationError` of the kind `badInput`.
  package init(
    number: Int, settings: SecureAggregationSettings, session: SecureAggregationSession,
    identity: SecureAggregationIdentity? = nil, roster: SecureAggregationRoster? = nil,
    randomness: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) throws(FederationError) {
    guard (1...settings.clientCount).contains(number) else {
      throw FederationError(
        "clients have the numbers 1 to \(settings.clientCount), not \(number)", .badInput)
    }
    if settings.active {
      guard let identity, let roster, roster.publicKeys.count == settings.clientCount,
        roster.publicKeys[number - 1] == identity.publicKey
      else {
        throw FederationError(
          """
          against a server that may lie client \(number) needs its own key for signatures and the public ones \
          of all \(settings.clientCount) clients, its own among them
          """, .badInput)
      }
    }
    self.number = number
    context = SecureAggregationContext(settings, session)
    self.identity = settings.active ? identity : nil
    self.roster = settings.active ? roster : nil
    self.randomness = randomness
  }

  var settings: SecureAggregationSettings { context.settings }
  var session: SecureAggregationSession { context.session }

  /// The private key of its masks, which a client tells that colludes with the server; nil before it has one and once its vector is
  /// sent, when it forgets it.
  package var maskingKey: [UInt8]? {
    switch phase {
    case .advertised(let keys): [UInt8](keys.masking.rawRepresentation)
    case .shared(let shared): [UInt8](shared.keys.masking.rawRepresentation)
    case .start, .masked, .confirmed, .done: nil
    }
  }

  // MARK: AdvertiseKeys

  /// Makes two pairs of keys; the first message.
  package mutating func advertiseKeys() throws(FederationError) -> KeyAdvertisement {
    guard case .start = phase else { throw refused("was asked for its keys a second time") }
    let sharing = try SecureAggregationContext.privateKey(using: &randomness)
    let masking = try SecureAggregationContext.privateKey(using: &randomness)
    let publicKeys = [sharing, masking].map { [UInt8]($0.publicKey.rawRepresentation) }
    let statement = context.keyStatement(
      client: number, sharingKey: publicKeys[0], maskingKey: publicKeys[1])
    let advertisement = KeyAdvertisement(
      session: session, sender: number, sharingKey: publicKeys[0], maskingKey: publicKeys[1],
      signature: try identity?.signature(of: statement))
    phase = .advertised(Keys(sharing: sharing, masking: masking, advertisement: advertisement))
    return advertisement
  }

  // MARK: ShareKeys

  /// Shares its mask key and the seed of its own mask among all of the list.
  package mutating func shareKeys(for list: KeyList) throws(FederationError) -> ShareBundle {
    try check(list.session)
    guard case .advertised(let keys) = phase else {
      throw refused("was sent a list of keys when it waits for none")
    }
    try check(list, keys.advertisement)
    let peers = try peers(in: list, keys)
    let holders = list.entries.map(\.sender)
    let ownSeed = [UInt8].random(MaskingGenerator.seedCount, using: &randomness)
    let keyShares = try ShamirSharing.share(
      [UInt8](keys.masking.rawRepresentation), threshold: settings.threshold, among: holders,
      using: &randomness)
    let seedShares = try ShamirSharing.share(
      ownSeed, threshold: settings.threshold, among: holders, using: &randomness)
    let listDigest = context.digest(of: list.entries)
    var encrypted: [EncryptedShares] = []
    for holder in holders {
      guard let peer = peers[holder], let keyShare = keyShares[holder],
        let seedShare = seedShares[holder]
      else { continue }
      let nonce = [UInt8].random(12, using: &randomness)
      let data = associatedData(from: number, to: holder, listDigest)
      let box = try cryptography {
        try ChaChaPoly.seal(
          keyShare + seedShare, using: peer.sealing, nonce: ChaChaPoly.Nonce(data: nonce),
          authenticating: data)
      }
      encrypted.append(EncryptedShares(client: holder, ciphertext: [UInt8](box.combined)))
    }
    guard let ownKeyShare = keyShares[number], let ownSeedShare = seedShares[number] else {
      throw refused("is not in the list of keys")
    }
    phase = .shared(
      Shared(
        keys: keys, listDigest: listDigest, peers: peers, ownSeed: ownSeed,
        ownShares: HeldShares(maskingKey: ownKeyShare, ownSeed: ownSeedShare)))
    return ShareBundle(
      session: session, sender: number, listDigest: listDigest,
      commitment: context.commitment(to: ownSeed, of: number), shares: encrypted)
  }

  private func check(_ list: KeyList, _ own: KeyAdvertisement) throws(FederationError) {
    let clients = list.entries.map(\.sender)
    try check(clients, "list of keys")
    guard clients.count >= settings.threshold else {
      throw refused(
        "was sent keys of \(clients.count) clients, where the threshold is \(settings.threshold)")
    }
    guard list.entries.contains(own) else {
      throw refused("was sent a list of keys without its own")
    }
    let keys = list.entries.flatMap { [$0.sharingKey, $0.maskingKey] }
    guard Set(keys).count == keys.count else {
      throw refused("was sent a list in which a key occurs twice")
    }
    for entry in list.entries {
      try check(entry.session)
      guard let roster else { continue }
      let statement = context.keyStatement(
        client: entry.sender, sharingKey: entry.sharingKey, maskingKey: entry.maskingKey)
      guard let signature = entry.signature,
        roster.isSignature(signature, of: statement, by: entry.sender)
      else {
        throw refused("was sent keys of client \(entry.sender) that this client did not sign")
      }
    }
  }

  private func peers(in list: KeyList, _ keys: Keys) throws(FederationError) -> [Int: Peer] {
    var peers: [Int: Peer] = [:]
    for entry in list.entries where entry.sender != number {
      guard
        let shareKeys = try? context.shareKeys(
          keys.sharing, of: number, with: entry.sharingKey, of: entry.sender),
        let mask = try? context.pairGenerator(
          keys.masking, with: entry.maskingKey, between: number, and: entry.sender)
      else { throw refused("was sent keys of client \(entry.sender) that are none") }
      peers[entry.sender] = Peer(
        sealing: shareKeys.sealing, opening: shareKeys.opening, mask: mask)
    }
    return peers
  }

  // MARK: MaskedInput

  /// Hides its vector under its own mask and those that it has in common with all of the list.
  ///
  /// - Parameter input: as many words as agreed on, modulo 2^32.
  package mutating func maskedInput(
    _ input: [UInt32], shares list: ForwardedShares
  ) throws(FederationError) -> MaskedVector {
    guard input.count == settings.vectorLength else {
      throw FederationError(
        """
        client \(number)'s vector has \(input.count) words, where \(settings.vectorLength) were agreed on
        """, .badInput)
    }
    try check(list.session)
    guard case .shared(let shared) = phase else {
      throw refused("was sent shares when it waits for none")
    }
    guard list.recipient == number else {
      throw refused("was sent the shares for client \(list.recipient)")
    }
    let senders = list.shares.map(\.client)
    try check(senders, "list of shares")
    guard senders.count + 1 >= settings.threshold else {
      throw refused(
        "was sent shares of \(senders.count) others, where the threshold is \(settings.threshold)")
    }
    // The paper opens them when they are asked for; opened here, a list that does not fit is noticed before anything is given.
    var held = [number: shared.ownShares]
    for entry in list.shares {
      guard let peer = shared.peers[entry.client] else {
        throw refused("was sent shares of client \(entry.client), whose keys it does not have")
      }
      held[entry.client] = try open(entry, from: peer, shared.listDigest)
    }
    var words = input
    try context.generator(shared.ownSeed).apply(.plus, to: &words)
    for sender in senders {
      try shared.peers[sender]?.mask.apply(
        SecureAggregationContext.sign(of: number, towards: sender), to: &words)
    }
    phase = .masked(Masked(held: held))
    return MaskedVector(
      session: session, sender: number,
      digest: context.digest(of: words, from: number, maskedWith: held.keys.sorted()), words: words)
  }

  private func open(
    _ entry: EncryptedShares, from peer: Peer, _ listDigest: [UInt8]
  ) throws(FederationError) -> HeldShares {
    let data = associatedData(from: entry.client, to: number, listDigest)
    guard let box = try? ChaChaPoly.SealedBox(combined: entry.ciphertext),
      let shares = try? ChaChaPoly.open(box, using: peer.opening, authenticating: data),
      shares.count == 64
    else {
      throw refused(
        """
        was sent shares of client \(entry.client) that do not open: they were changed, or made for another \
        list of keys
        """)
    }
    return HeldShares(
      maskingKey: [UInt8](shares.prefix(32)), ownSeed: [UInt8](shares.suffix(32)))
  }

  // MARK: Refusals

  func refused(_ what: String) -> FederationError {
    FederationError("client \(number) \(what)", .refused)
  }

  func check(_ other: SecureAggregationSession) throws(FederationError) {
    guard other == session else { throw refused("was sent a message of another session or round") }
  }

  /// Lists that were not decoded from bytes may be in any order.
  func check(_ clients: [Int], _ name: String) throws(FederationError) {
    guard zip(clients, clients.dropFirst()).allSatisfy(<),
      clients.allSatisfy((1...settings.clientCount).contains)
    else { throw refused("was sent a \(name) that names clients twice, out of order or unknown") }
  }

  private func associatedData(from sender: Int, to recipient: Int, _ list: [UInt8]) -> [UInt8] {
    context.statement("shares", [sender, recipient], list)
  }
}
