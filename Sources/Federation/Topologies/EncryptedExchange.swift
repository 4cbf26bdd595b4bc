import Foundation
import TensorGraph

/// Encrypted shares, which the server adds without reading them. All workers hold one pair of keys, which one of them makes;
/// the server has the public key alone, and knows no weights after those that training begins with: it sends the sum of each
/// round back, and keeps the latest ones for who comes back.
///
/// The workers' ways to each other go through the server, and nobody vouches for their keys: it must keep to the protocol
/// (see ``SealedKeys``). That a ciphertext holds what an honest worker would share, nobody can check.
final class EncryptedExchange: UpdateExchange {
  private let roster: Roster
  private let vector: ParameterVector
  private let settings: FederationSettings
  private let layers: EncryptedLayers
  private let scheme: EncryptionScheme
  private let initial: [UInt8]
  /// The public key, once there is one.
  private(set) var keys: (any AdditiveEncryption)?
  private var members: [Int: Member] = [:]
  /// Messages with sums, by how many sums were before.
  private var sums: [Int: [UInt8]] = [:]
  private var sumCount = 0

  /// What the server knows of a worker that introduced itself.
  private struct Member {
    let connection: PeerID
    let agreementKey: [UInt8]
    var holdsKeys: Bool
    /// Sums that it was sent; nil where it has no weights.
    var sumCount: Int?
  }

  /// Sums that are kept at most: who missed more rounds of gradients cannot come to the weights any more.
  static let keptSums = 8

  /// - Parameter initial: the weights that training begins with.
  init(
    _ roster: Roster, _ vector: ParameterVector, _ settings: FederationSettings, initial: [Tensor]
  ) throws(FederationError) {
    guard let scheme = settings.protection.scheme else {
      throw FederationError("the settings name no scheme of encryption", .badInput)
    }
    try settings.check(vector)
    self.scheme = scheme
    self.roster = roster
    self.vector = vector
    self.settings = settings
    layers = EncryptedLayers(settings, vector)
    self.initial = try TensorBody(vector.named(initial)).bytes
  }

  var fewest: Int { 1 }
  var knowsWeights: Bool { false }

  private func send(_ step: EncryptedStep, _ body: [UInt8] = [], to worker: Int, count: Int = 0) {
    roster.send(
      Frame(
        .encrypted, round: roster.round, attempt: count, step: step.rawValue, body: body),
      to: worker)
  }

  // MARK: - Before a round

  func prepare(_ workers: [Int], before deadline: Date) throws(FederationError) -> [Int] {
    forgetWhoLeft()
    try introduce(workers.filter { members[$0] == nil }, before: deadline)
    try handOutKeys(before: deadline)
    forgetWhoLeft()
    return members.keys.sorted().filter(bringUpToDate)
  }

  private func forgetWhoLeft() {
    members = members.filter { roster.connection(of: $0.key) == $0.value.connection }
  }

  private func introduce(_ workers: [Int], before deadline: Date) throws(FederationError) {
    var awaited = Set(workers)
    for worker in workers { send(.ask, to: worker) }
    var collection = RoundCollection(roster, vector, workers)
    try collection.run(
      before: deadline, until: { awaited.isEmpty }, leave: { awaited.remove($0) }
    ) { worker, frame throws(FederationError) in
      guard frame.isStep(.introduction), awaited.contains(worker),
        let connection = roster.connection(of: worker)
      else { return false }
      let introduction = try Introduction(frame.body)
      members[worker] = Member(
        connection: connection, agreementKey: introduction.agreementKey,
        holdsKeys: keys != nil && introduction.keyName == keys?.keyName.bytes,
        sumCount: introduction.sumCount)
      awaited.remove(worker)
      return true
    }
    for worker in awaited.sorted() { roster.note(worker, "did not introduce itself in time") }
  }

  /// Has one worker that holds the keys, or the first one makes them, seal them for those that lack them.
  private func handOutKeys(before deadline: Date) throws(FederationError) {
    var tried: Set<Int> = []
    while true {
      let (holders, lacking) = (
        members.filter(\.value.holdsKeys).keys.sorted(),
        members.filter { !$0.value.holdsKeys }.keys.sorted()
      )
      guard !lacking.isEmpty else { return }
      let candidates = keys == nil ? lacking : holders
      guard let maker = candidates.first(where: { !tried.contains($0) }) else {
        guard holders.isEmpty else { return }
        throw FederationError(
          keys == nil
            ? "no worker made keys in time"
            : "no worker is left that holds the keys, without which nobody reads the weights",
          .tooFew)
      }
      tried.insert(maker)
      try handOutKeys(of: maker, to: lacking.filter { $0 != maker }, before: deadline)
      forgetWhoLeft()
    }
  }

  private func handOutKeys(
    of maker: Int, to workers: [Int], before deadline: Date
  ) throws(FederationError) {
    let requests = workers.compactMap { worker in
      members[worker].map { KeyRequest(worker: worker, agreementKey: $0.agreementKey) }
    }
    send(.keyRequest, KeyRequest.bytes(requests), to: maker)
    var isDone = false
    var collection = RoundCollection(roster, vector, [maker])
    try collection.run(
      before: deadline, until: { isDone }
    ) { worker, frame throws(FederationError) in
      guard worker == maker, frame.isStep(.sealedKeys) else { return false }
      let sealed = try SealedKeys(frame.body, recipients: requests.map(\.worker))
      let publicKeys = try scheme.keys(bytes: sealed.publicKey)
      guard !publicKeys.holdsSecretKey, keys == nil || keys?.keyName == publicKeys.keyName else {
        throw FederationError("its keys are not the public ones of this federation", .refused)
      }
      keys = publicKeys
      members[maker]?.holdsKeys = true
      let own = KeyRequest(worker: maker, agreementKey: members[maker]?.agreementKey ?? [])
      for (worker, box) in sealed.boxes {
        send(.keys, KeyDelivery(maker: own, box: box, pair: sealed.pair).bytes, to: worker)
        members[worker]?.holdsKeys = true
      }
      isDone = true
      return true
    }
    if !isDone { roster.note(maker, "did not seal the keys for the others") }
  }

  /// Sends a worker what it needs to know the weights.
  ///
  /// - Returns: whether it then does.
  private func bringUpToDate(_ worker: Int) -> Bool {
    guard var member = members[worker], member.holdsKeys else { return false }
    let known = member.sumCount ?? 0
    guard known <= sumCount, missing(after: known).allSatisfy({ sums[$0] != nil }) else {
      roster.note(
        worker, "has missed more than the \(EncryptedExchange.keptSums) sums that are kept")
      return false
    }
    if member.sumCount == nil { send(.weights, initial, to: worker) }
    for index in missing(after: known) {
      send(.sum, sums[index] ?? [], to: worker, count: index)
    }
    member.sumCount = sumCount
    members[worker] = member
    return true
  }

  /// The sums that lead from some on to the weights: all, or the latest where it is the weights.
  private func missing(after known: Int) -> Range<Int> {
    (settings.sharesWeights ? max(known, sumCount - 1) : known)..<sumCount
  }

  // MARK: - A round

  func collect(
    _ members: [Int], _ outcome: inout RoundOutcome, before deadline: Date
  ) throws(FederationError) {
    guard let keys else {
      outcome.failure = "no worker has keys"
      return
    }
    var shares: [Int: EncryptedShare] = [:]
    var collection = RoundCollection(roster, vector, members)
    try collection.run(before: deadline) { worker, frame throws(FederationError) in
      guard frame.kind == .update, shares[worker] == nil else { return false }
      let share = try EncryptedShare(frame.body, layers, keys)
      guard share.encrypted.weight == 1, share.examples <= settings.batchSize else {
        throw FederationError("its share claims more weight than a worker has", .refused)
      }
      shares[worker] = share
      return true
    }
    outcome.members = collection.finish(&outcome) { shares[$0] != nil }
    let complete = outcome.members.compactMap { shares[$0] }
    guard complete.count >= max(settings.fewest, 1) else { return }
    let sum = EncryptedShare(
      examples: complete.reduce(0) { $0 + $1.examples },
      clear: layers.clear.mean(complete.map { ($0.clear, $0.examples) }),
      encrypted: try keys.weightedSum(complete.map { ($0.encrypted, $0.examples) }))
    sums[sumCount] = try sum.bytes(layers)
    sumCount += 1
    sums[sumCount - 1 - (settings.sharesWeights ? 1 : EncryptedExchange.keptSums)] = nil
    forgetWhoLeft()
    for worker in self.members.keys.sorted() where self.members[worker]?.sumCount != nil {
      _ = bringUpToDate(worker)
    }
    outcome.after = weights(of: outcome.members)
  }

  /// Has a member tell the study the weights that it came to; nobody else hears it.
  ///
  /// - Returns: them; empty where none tells.
  private func weights(of members: [Int]) -> [Tensor] {
    for member in members where roster.connection(of: member) != nil {
      roster.send(Frame(.report, round: roster.round), to: member)
      let deadline = Date(timeIntervalSinceNow: max(settings.timeout, 60))
      waiting: while let happening = roster.next(before: deadline) {
        switch happening {
        case .joined: break
        case .left(let worker): if worker == member { break waiting }
        case .message(let worker, let frame):
          guard worker == member, frame.kind == .report, frame.step == EncryptedPart.weightsStep
          else {
            roster.note(worker, "came too late with its \(frame.kind) of round \(frame.round + 1)")
            continue
          }
          // The study's message, not the scene's.
          roster.traffic.received -= frame.body.count + Frame.headerSize
          do throws(FederationError) {
            let weights = try StudyReport(try TensorBody(frame.body), vector.types).weights
            if !weights.isEmpty { return weights }
          } catch {
            roster.refuse(worker, error)
          }
          break waiting
        }
      }
    }
    return []
  }
}

extension Frame {
  /// Whether it is this step of a federation that encrypts.
  fileprivate func isStep(_ step: EncryptedStep) -> Bool {
    kind == .encrypted && self.step == step.rawValue
  }
}
