/// The server of secure aggregation (Bonawitz et al. 2017): it takes the clients' messages step by step and ends with the sum of the
/// survivors' vectors modulo 2^32, exactly, or with an error, never with another sum.
///
/// At each step messages are taken with `receive` until nobody is ``awaited`` or the caller waits no longer; then the step is closed,
/// which gives what the clients are to be sent. A message that the protocol does not allow throws a `FederationError` of the
/// kind `refused` and changes nothing but the transcript. With fewer clients than the threshold closing throws one of the kind
/// `tooFew` and changes nothing: the caller may wait longer, or give up.
package struct SecureAggregationServer: Sendable {
  let context: SecureAggregationContext
  private let roster: SecureAggregationRoster?
  /// The step whose messages are taken.
  package private(set) var step = SecureAggregationStep.advertiseKeys
  /// What it saw.
  package internal(set) var transcript = SecureAggregationTranscript()

  var advertisements: [Int: KeyAdvertisement] = [:]
  var listDigest: [UInt8] = []
  var bundles: [Int: ShareBundle] = [:]
  /// U3, and the sum of what they sent.
  var masked = Set<Int>()
  var sum: [UInt32] = []
  private var signatures: [Int: SurvivorSignature] = [:]
  var unmasking: [Int: UnmaskingShares] = [:]
  private var gone = Set<Int>()
  /// Who took part up to each step that is closed: U1, U2, ...
  private var parties: [[Int]] = []

  /// A server at the beginning of a run.
  ///
  /// - Parameter roster: the clients' public keys for signatures, if the server is to be one that may lie.
  /// - Throws: `FederationError` of the kind `badInput`.
  package init(
    settings: SecureAggregationSettings, session: SecureAggregationSession,
    roster: SecureAggregationRoster? = nil
  ) throws(FederationError) {
    guard !settings.active || roster?.publicKeys.count == settings.clientCount else {
      throw FederationError(
        "the public keys for signatures of all \(settings.clientCount) clients are needed",
        .badInput)
    }
    context = SecureAggregationContext(settings, session)
    self.roster = settings.active ? roster : nil
  }

  var settings: SecureAggregationSettings { context.settings }
  var session: SecureAggregationSession { context.session }
  /// U2, once its step is closed.
  var sharers: [Int] { parties.count > 1 ? parties[1] : [] }
  /// U3, once its step is closed.
  var survivors: [Int] { parties.count > 2 ? parties[2] : [] }

  /// Clients whose message of this step may still come.
  package var awaited: [Int] {
    let before = parties.last ?? Array(1...settings.clientCount)
    let answered = Set(self.answered)
    return before.filter { !gone.contains($0) && !answered.contains($0) }
  }

  /// Clients whose message of this step came, from the lowest.
  var answered: [Int] {
    switch step {
    case .advertiseKeys: advertisements.keys.sorted()
    case .shareKeys: bundles.keys.sorted()
    case .maskedInput: masked.sorted()
    case .consistencyCheck: signatures.keys.sorted()
    case .unmasking: unmasking.keys.sorted()
    }
  }

  /// Notes that a client is gone: nothing more is awaited or taken from it. What it sent already counts.
  package mutating func drop(_ client: Int, because reason: String) {
    guard (1...settings.clientCount).contains(client), gone.insert(client).inserted else { return }
    transcript.dropouts.append(
      SecureAggregationDropout(client: client, step: step, reason: reason))
  }

  // MARK: Messages

  /// Takes a client's keys.
  ///
  /// - Parameter client: whose connection the message came by.
  package mutating func receive(_ message: KeyAdvertisement, from client: Int)
    throws(FederationError)
  {
    try take(message, message.sender, client, .advertiseKeys) { (server) throws(FederationError) in
      guard SecureAggregationContext.isUsable(message.sharingKey),
        SecureAggregationContext.isUsable(message.maskingKey)
      else { throw FederationError("client \(client) sent keys that are none", .refused) }
      let known = server.advertisements.values.flatMap { [$0.sharingKey, $0.maskingKey] }
      guard !known.contains(message.sharingKey), !known.contains(message.maskingKey),
        message.sharingKey != message.maskingKey
      else { throw FederationError("client \(client) sent a key that is used already", .refused) }
      if let roster = server.roster {
        let statement = server.context.keyStatement(
          client: client, sharingKey: message.sharingKey, maskingKey: message.maskingKey)
        guard let signature = message.signature,
          roster.isSignature(signature, of: statement, by: client)
        else { throw FederationError("client \(client) sent keys that it did not sign", .refused) }
      }
      server.advertisements[client] = message
    }
  }

  /// Takes a client's shares for the others.
  package mutating func receive(_ message: ShareBundle, from client: Int) throws(FederationError) {
    try take(message, message.sender, client, .shareKeys) { (server) throws(FederationError) in
      guard message.listDigest == server.listDigest else {
        throw FederationError(
          "client \(client) made shares for another list of keys than it was sent", .refused)
      }
      guard message.shares.map(\.client) == (server.parties[0].filter { $0 != client }),
        message.shares.allSatisfy({ $0.ciphertext.count == EncryptedShares.ciphertextCount })
      else {
        throw FederationError(
          "client \(client) did not make shares for all others of the list of keys", .refused)
      }
      server.bundles[client] = message
    }
  }

  /// Takes a client's masked vector.
  package mutating func receive(_ message: MaskedVector, from client: Int) throws(FederationError) {
    try take(message, message.sender, client, .maskedInput) { (server) throws(FederationError) in
      guard message.words.count == server.settings.vectorLength else {
        throw FederationError(
          """
          client \(client)'s vector has \(message.words.count) words, where \
          \(server.settings.vectorLength) were agreed on
          """, .refused)
      }
      let digest = server.context.digest(
        of: message.words, from: client, maskedWith: server.sharers)
      guard message.digest == digest else {
        throw FederationError(
          "client \(client)'s vector was damaged, or masked for other clients than these", .refused)
      }
      if server.sum.isEmpty {
        server.sum = message.words
      } else {
        server.sum.withUnsafeMutableBufferPointer { sum in
          message.words.withUnsafeBufferPointer { words in
            for index in 0..<min(sum.count, words.count) { sum[index] &+= words[index] }
          }
        }
      }
      server.masked.insert(client)
    }
  }

  /// Takes a client's signature of the survivors.
  package mutating func receive(_ message: SurvivorSignature, from client: Int)
    throws(FederationError)
  {
    try take(message, message.sender, client, .consistencyCheck) {
      (server) throws(FederationError) in
      let statement = server.context.survivorStatement(server.survivors)
      guard server.roster?.isSignature(message.signature, of: statement, by: client) == true else {
        throw FederationError(
          "client \(client) signed another list of survivors than it was sent", .refused)
      }
      server.signatures[client] = message
    }
  }

  /// Takes a client's shares for unmasking.
  package mutating func receive(_ message: UnmaskingShares, from client: Int)
    throws(FederationError)
  {
    try take(message, message.sender, client, .unmasking) { (server) throws(FederationError) in
      let expected = server.sharers.map {
        server.masked.contains($0) ? SharedSecretKind.ownSeed : .maskingKey
      }
      guard message.shares.map(\.owner) == server.sharers,
        message.shares.map(\.secret) == expected,
        message.shares.allSatisfy({ $0.share.count == UnmaskingShare.shareCount })
      else {
        throw FederationError(
          "client \(client) gave up other shares than the list of survivors asks for", .refused)
      }
      server.unmasking[client] = message
    }
  }

  /// Takes a message of `step` if one of its sender is awaited and `check` lets it pass.
  private mutating func take(
    _ message: some SecureAggregationMessage, _ sender: Int, _ client: Int,
    _ messageStep: SecureAggregationStep,
    _ enter: (inout SecureAggregationServer) throws(FederationError) -> Void
  ) throws(FederationError) {
    do throws(FederationError) {
      guard message.session == session else {
        throw FederationError(
          "client \(client) sent a message of another session or round", .refused)
      }
      guard sender == client else {
        throw FederationError("client \(client) sent a message of client \(sender)", .refused)
      }
      guard messageStep == step else {
        throw FederationError(
          """
          client \(client) sent its \(messageStep.gift) \
          \(messageStep < step ? "after" : "before") that step of the protocol
          """, .refused)
      }
      guard awaited.contains(client) else {
        throw FederationError(
          answered.contains(client)
            ? "client \(client) sent its \(step.gift) twice"
            : "client \(client) sent its \(step.gift), and takes no part any longer", .refused)
      }
      try enter(&self)
      transcript.add(message, step, client: client, isFromClient: true)
    } catch {
      if (1...settings.clientCount).contains(client) {
        transcript.refuse(client, at: step, error.message)
      }
      throw error
    }
  }

  // MARK: Ends of steps

  /// Ends AdvertiseKeys.
  ///
  /// - Returns: what every client whose keys came is to be sent.
  package mutating func closeKeys() throws(FederationError) -> KeyList {
    let clients = try close(.advertiseKeys, next: .shareKeys)
    let list = KeyList(session: session, entries: clients.compactMap { advertisements[$0] })
    listDigest = context.digest(of: list.entries)
    transcript.add(list, .advertiseKeys, client: nil, isFromClient: false)
    return list
  }

  /// Ends ShareKeys.
  ///
  /// - Returns: what each client whose shares came is to be sent, from the lowest number.
  package mutating func closeShares() throws(FederationError) -> [ForwardedShares] {
    let clients = try close(.shareKeys, next: .maskedInput)
    let lists = clients.map { recipient in
      ForwardedShares(
        session: session, recipient: recipient,
        shares: clients.filter { $0 != recipient }.compactMap { sender in
          bundles[sender]?.shares.first { $0.client == recipient }.map {
            EncryptedShares(client: sender, ciphertext: $0.ciphertext)
          }
        })
    }
    for list in lists {
      transcript.add(list, .shareKeys, client: list.recipient, isFromClient: false)
    }
    return lists
  }

  /// Ends MaskedInput.
  ///
  /// - Returns: what every client whose vector came is to be sent: to be signed if the server may lie, to be answered with shares
  ///   otherwise.
  package mutating func closeMaskedInputs() throws(FederationError) -> SurvivorList {
    let clients = try close(
      .maskedInput, next: settings.active ? .consistencyCheck : .unmasking)
    let list = SurvivorList(session: session, survivors: clients)
    transcript.add(list, .maskedInput, client: nil, isFromClient: false)
    return list
  }

  /// Ends ConsistencyCheck, if the server may lie.
  ///
  /// - Returns: what every client that signed is to be sent.
  package mutating func closeSignatures() throws(FederationError) -> SignatureList {
    let clients = try close(.consistencyCheck, next: .unmasking)
    let list = SignatureList(session: session, entries: clients.compactMap { signatures[$0] })
    transcript.add(list, .consistencyCheck, client: nil, isFromClient: false)
    return list
  }

  private mutating func close(
    _ closing: SecureAggregationStep, next: SecureAggregationStep
  ) throws(FederationError) -> [Int] {
    let clients = try enough(closing)
    for client in awaited { drop(client, because: "its \(closing.gift) did not come") }
    parties.append(clients)
    transcript.parties = parties
    step = next
    return clients
  }

  /// Who answered at the step that is to be closed, if they are enough.
  func enough(_ closing: SecureAggregationStep) throws(FederationError) -> [Int] {
    guard step == closing else {
      throw FederationError(
        "the server is at the step \(step), and cannot end the step \(closing)", .badInput)
    }
    let clients = answered
    guard clients.count >= settings.threshold else {
      throw FederationError(
        """
        \(clients.count) of \(settings.clientCount) clients \(step.deed), and \(settings.threshold) are \
        needed: this round has no sum
        """, .tooFew)
    }
    return clients
  }
}
