/// The parties' messages as bytes, for a wire that need not know them.
extension SecureAggregationServer {
  /// Takes a client's message, whichever it is.
  ///
  /// - Parameter client: whose connection it came by.
  /// - Throws: `FederationError` of the kind `refused`, as for each message.
  package mutating func receive(encoded bytes: [UInt8], from client: Int) throws(FederationError) {
    switch SecureAggregationMessageKind(of: bytes) {
    case .keyAdvertisement:
      try receive(try decoded(KeyAdvertisement.self, bytes, client), from: client)
    case .shareBundle: try receive(try decoded(ShareBundle.self, bytes, client), from: client)
    case .maskedVector: try receive(try decoded(MaskedVector.self, bytes, client), from: client)
    case .survivorSignature:
      try receive(try decoded(SurvivorSignature.self, bytes, client), from: client)
    case .unmaskingShares:
      try receive(try decoded(UnmaskingShares.self, bytes, client), from: client)
    case .keyList, .forwardedShares, .survivorList, .signatureList, nil:
      throw refusal(of: client, "sent \(bytes.count) bytes that are no message of a client")
    }
  }

  private mutating func decoded<Message: SecureAggregationMessage>(
    _: Message.Type, _ bytes: [UInt8], _ client: Int
  ) throws(FederationError) -> Message {
    do throws(FederationError) {
      return try Message(decoding: bytes, settings: settings)
    } catch {
      throw refusal(of: client, "sent what cannot be read: \(error.message)")
    }
  }

  private mutating func refusal(of client: Int, _ what: String) -> FederationError {
    let error = FederationError("client \(client) \(what)", .refused)
    if (1...settings.clientCount).contains(client) {
      transcript.refuse(client, at: step, error.message)
    }
    return error
  }
}

extension SecureAggregationClient {
  /// Answers a message of the server, whichever it is.
  ///
  /// - Parameter input: its vector, which is sent, masked, in answer to others' shares.
  /// - Returns: what the server is to be sent.
  /// - Throws: `FederationError` of the kind `refused`, as for each message.
  package mutating func answer(encoded bytes: [UInt8], input: [UInt32]) throws(FederationError)
    -> [UInt8]
  {
    switch SecureAggregationMessageKind(of: bytes) {
    case .keyList:
      return try shareKeys(for: KeyList(decoding: bytes, settings: settings)).encoded()
    case .forwardedShares:
      let shares = try ForwardedShares(decoding: bytes, settings: settings)
      return try maskedInput(input, shares: shares).encoded()
    case .survivorList:
      let list = try SurvivorList(decoding: bytes, settings: settings)
      return try settings.active ? confirm(list).encoded() : unmasking(list).encoded()
    case .signatureList:
      return try unmasking(SignatureList(decoding: bytes, settings: settings)).encoded()
    case .keyAdvertisement, .shareBundle, .maskedVector, .survivorSignature, .unmaskingShares, nil:
      throw refused("was sent \(bytes.count) bytes that are no message of a server")
    }
  }
}
