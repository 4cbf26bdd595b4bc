/// The end of the protocol for a client.
extension SecureAggregationClient {
  /// Signs the list of survivors, if the server may lie.
  package mutating func confirm(_ list: SurvivorList) throws(FederationError) -> SurvivorSignature {
    guard let identity else {
      throw refused("was asked to sign, which is for servers that may lie")
    }
    let masked = try checked(list)
    let signature = try identity.signature(of: context.survivorStatement(list.survivors))
    phase = .confirmed(masked, survivors: list.survivors)
    return SurvivorSignature(session: session, sender: number, signature: signature)
  }

  /// Gives up one share for each client: of a survivor's own seed, of the mask key of one that dropped out.
  ///
  /// For servers that keep to the protocol.
  package mutating func unmasking(_ list: SurvivorList) throws(FederationError) -> UnmaskingShares {
    guard !settings.active else {
      throw refused("gives no shares before it has seen the signatures of enough clients")
    }
    let masked = try checked(list)
    return finish(masked, survivors: list.survivors)
  }

  /// The same, once enough clients signed the list of survivors that this client signed.
  ///
  /// For servers that may lie.
  package mutating func unmasking(_ list: SignatureList) throws(FederationError) -> UnmaskingShares
  {
    try check(list.session)
    guard case .confirmed(let masked, let survivors) = phase, let roster else {
      throw refused("was sent signatures when it waits for none")
    }
    let signers = list.entries.map(\.sender)
    try check(signers, "list of signatures")
    guard signers.count >= settings.threshold, Set(signers).isSubset(of: survivors) else {
      throw refused(
        """
        was sent signatures of \(signers.count) clients, where \(settings.threshold) of the \
        \(survivors.count) survivors are needed
        """)
    }
    let statement = context.survivorStatement(survivors)
    for entry in list.entries
    where entry.session != session
      || !roster.isSignature(entry.signature, of: statement, by: entry.sender)
    {
      throw refused("was sent a signature of client \(entry.sender) for another list of survivors")
    }
    return finish(masked, survivors: survivors)
  }

  private func checked(_ list: SurvivorList) throws(FederationError) -> Masked {
    try check(list.session)
    guard case .masked(let masked) = phase else {
      throw refused("was sent a list of survivors when it waits for none")
    }
    try check(list.survivors, "list of survivors")
    guard list.survivors.count >= settings.threshold else {
      throw refused(
        """
        was sent a list of \(list.survivors.count) survivors, where the threshold is \(settings.threshold)
        """)
    }
    guard list.survivors.contains(number) else {
      throw refused("was sent a list of survivors without itself")
    }
    if let stranger = list.survivors.first(where: { masked.held[$0] == nil }) {
      throw refused("was sent client \(stranger) as a survivor, who shared no secrets")
    }
    return masked
  }

  private mutating func finish(_ masked: Masked, survivors: [Int]) -> UnmaskingShares {
    let survivors = Set(survivors)
    let shares = masked.held.sorted { $0.key < $1.key }.map { owner, held in
      survivors.contains(owner)
        ? UnmaskingShare(owner: owner, secret: .ownSeed, share: held.ownSeed)
        : UnmaskingShare(owner: owner, secret: .maskingKey, share: held.maskingKey)
    }
    phase = .done
    return UnmaskingShares(session: session, sender: number, shares: shares)
  }
}
