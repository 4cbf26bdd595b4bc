import Crypto

/// The outcome of a run.
package struct SecureAggregationSum: Hashable, Sendable {
  /// The sum of the vectors of the clients in ``included``, modulo 2^32.
  package let words: [UInt32]
  /// U3, from the lowest number.
  package let included: [Int]
  /// Who was missing, where and why.
  package let dropouts: [SecureAggregationDropout]
  /// Clients that gave up a share which does not fit the others; the sum does without.
  package let wrongShares: [Int]
}

/// The end of the protocol for the server.
extension SecureAggregationServer {
  /// Ends Unmasking: takes all masks off the sum.
  ///
  /// Every secret that is rebuilt is compared with what its owner published, a public key or a commitment. If the first shares do not
  /// fit, others are tried.
  ///
  /// - Throws: `FederationError` of the kind `tooFew` if too few clients gave up their shares, or too many of them wrong ones.
  package mutating func unmaskedSum() throws(FederationError) -> SecureAggregationSum {
    let knowledge = try rebuiltSecrets()
    var words = sum
    for survivor in survivors {
      if let seed = knowledge.ownSeeds[survivor] {
        try context.generator(seed).apply(.minus, to: &words)
      }
    }
    for (dropped, key) in knowledge.maskingKeys.sorted(by: { $0.key < $1.key }) {
      let key = try cryptography {
        try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: key)
      }
      for survivor in survivors {
        guard let publicKey = advertisements[survivor]?.maskingKey else { continue }
        let sign = SecureAggregationContext.sign(of: survivor, towards: dropped)
        try context.pairGenerator(key, with: publicKey, between: survivor, and: dropped)
          .apply(sign.opposite, to: &words)
      }
    }
    return SecureAggregationSum(
      words: words, included: survivors, dropouts: transcript.dropouts,
      wrongShares: transcript.wrongShares)
  }

  /// The secrets that the shares give back, and what the server knows besides.
  ///
  /// - Throws: as ``unmaskedSum()``.
  package mutating func rebuiltSecrets() throws(FederationError) -> SecureAggregationKnowledge {
    let holders = try enough(.unmasking)
    var knowledge = SecureAggregationKnowledge(
      context: context, sharers: sharers, publicKeys: advertisements.mapValues(\.maskingKey))
    var wrong = Set<Int>()
    for (index, owner) in sharers.enumerated() {
      let shares = holders.compactMap { holder in
        unmasking[holder].map { (holder: holder, bytes: $0.shares[index].share) }
      }.filter { !wrong.contains($0.holder) }
      let isSurvivor = masked.contains(owner)
      let secret = try rebuilt(shares, of: owner, &wrong) { secret in
        isSurvivor
          ? context.commitment(to: secret, of: owner) == bundles[owner]?.commitment
          : SecureAggregationContext.publicKey(of: secret) == advertisements[owner]?.maskingKey
      }
      if isSurvivor {
        knowledge.ownSeeds[owner] = secret
      } else {
        knowledge.maskingKeys[owner] = secret
      }
    }
    transcript.rebuiltSeeds = knowledge.ownSeeds.keys.sorted()
    transcript.rebuiltKeys = knowledge.maskingKeys.keys.sorted()
    transcript.wrongShares = wrong.sorted()
    return knowledge
  }

  /// The secret that some of the shares give and `isRight` accepts; holders of others are added to `wrong`.
  private func rebuilt(
    _ shares: [(holder: Int, bytes: [UInt8])], of owner: Int, _ wrong: inout Set<Int>,
    isRight: ([UInt8]) -> Bool
  ) throws(FederationError) -> [UInt8] {
    for chosen in choices(of: settings.threshold, among: shares.count) {
      let some = chosen.map { shares[$0] }
      let secret = try ShamirSharing.secret(from: some)
      guard isRight(secret) else { continue }
      for share in shares
      where try ShamirSharing.value(at: share.holder, from: some) != share.bytes {
        wrong.insert(share.holder)
      }
      return secret
    }
    let what = masked.contains(owner) ? "committed to" : "announced the public key of"
    throw FederationError(
      """
      no \(settings.threshold) of the \(shares.count) shares that came give the secret that client \(owner) \
      \(what): it or clients that hold them sent wrong ones, and this round has no sum
      """, .tooFew)
  }

  /// Choices of `count` among `total`: all if they are few, otherwise each run of neighbours in a ring.
  private func choices(of count: Int, among total: Int) -> [[Int]] {
    guard count <= total else { return [] }
    var binomial = 1
    for index in 0..<count where binomial <= Self.mostChoices {
      binomial = binomial * (total - index) / (index + 1)
    }
    guard binomial <= Self.mostChoices else {
      return (0..<total).map { start in (0..<count).map { (start + $0) % total } }
    }
    var choices = [Array(0..<count)]
    while var next = choices.last,
      let index = next.indices.last(where: { next[$0] < total - count + $0 })
    {
      next[index] += 1
      for later in (index + 1)..<max(count, index + 1) { next[later] = next[later - 1] + 1 }
      choices.append(next)
    }
    return choices
  }

  private static var mostChoices: Int { 256 }
}
