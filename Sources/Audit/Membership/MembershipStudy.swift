import Attacks
import Clients
import Defences
import ModelIO
import Privacy
import Solvers
import TensorGraph

/// Asks of records whether they are in the batch behind an update (Melis et al. 2019, arXiv 1805.04049, section 3; scores as
/// of Li et al. 2023, OpenReview QsCSLPP55Ku): a member's gradient is a part of the update, and gradients of different
/// records are nearly orthogonal where a model has many parameters. Scores are told by those of known non-members.
package struct MembershipStudy {
  let runner: PictureRunner
  let experiment: Experiment
  private let kind: DataKindName

  var clients: SimulatedClients {
    SimulatedClients(runner: runner, experiment: experiment, kind: kind)
  }

  /// Rates of false positives that are reported.
  package static let falsePositiveRates = [0.01, 0.001]

  /// - Parameters:
  ///   - runner: of the model, with what backend computes.
  ///   - experiment: the client's loss, training and defences, and the seed.
  ///   - kind: of the records.
  package init(_ runner: PictureRunner, _ experiment: Experiment, kind: DataKindName) {
    (self.runner, self.experiment, self.kind) = (runner, experiment, kind)
  }

  /// Known non-members of an update at least.
  package static let leastKnown = 10

  /// How many records of each role an update has.
  package struct Sizes: Sendable {
    /// Members.
    package let batch: Int
    /// Known non-members.
    package let calibration: Int
    /// Others, who are asked for.
    package let others: Int

    package init(batch: Int, calibration: Int, others: Int) {
      (self.batch, self.calibration, self.others) = (batch, calibration, others)
    }

    /// Of a pool, what is left of it halved between the known and the others.
    package init(batch: Int, pool: Int, limit: Int) {
      let rest = max(pool - batch, 0)
      let calibration = min(rest / 2, limit)
      self.init(batch: batch, calibration: calibration, others: min(rest - calibration, limit))
    }
  }

  /// Simulates clients whose batches are drawn from a pool, each update with weights and members of its own.
  ///
  /// - Parameters:
  ///   - pool: with labels; no two the same.
  ///   - updates: how many.
  /// - Throws: ``AttackError`` when a defence does not apply or the backend fails.
  package func simulate(
    _ pool: [PrivateExample], sizes: Sizes, updates: Int, loss: ClientLoss
  ) throws -> MembershipRecord {
    var tally = Tally()
    for index in 0..<updates {
      let seed = experiment.attack.seed &+ UInt64(index)
      let order = RandomSource(seed: seed).derive(label: "members").permuted(pool.count)
      let members = order.prefix(sizes.batch).map { pool[$0] }
      let known = order.dropFirst(sizes.batch).prefix(sizes.calibration).map { pool[$0] }
      let others = order.dropFirst(sizes.batch + sizes.calibration).prefix(sizes.others)
        .map { pool[$0] }
      let audit = runner.audit(seed: seed)
      let update = try clients.share(members, audit.weighted, loss, seed: seed)
      try add(
        update, audit, members: Array(members), known: Array(known), others: Array(others),
        to: &tally)
    }
    return record(tally, batchSize: sizes.batch, updates: updates, calibration: sizes.calibration)
  }

  /// Asks who is in the batches of given clients, behind their defences, beside other records of a pool.
  ///
  /// - Parameters:
  ///   - updates: at least one, of simulated clients.
  ///   - pool: no two the same.
  ///   - limit: of known non-members of each update, and of others.
  /// - Throws: ``AttackError`` when there are too few others, a defence does not apply or the backend fails.
  package func judge(
    _ updates: [PreparedPictures], besides pool: [PrivateExample], limit: Int
  ) throws -> MembershipRecord {
    var tally = Tally()
    var calibration = limit
    for (index, prepared) in updates.enumerated() {
      let seed = prepared.experiment.attack.seed
      let members = prepared.batch
      let inside = Set(members.map(\.image.doubles))
      let rest = pool.filter { !inside.contains($0.image.doubles) }
      let order = RandomSource(seed: seed).derive(label: "others of \(index)").permuted(rest.count)
        .map { rest[$0] }
      let sizes = Sizes(batch: 0, pool: rest.count, limit: limit)
      try MembershipStudy.check(known: sizes.calibration)
      calibration = min(calibration, sizes.calibration)
      try add(
        prepared.update(), runner.audit(seed: seed), members: members,
        known: Array(order.prefix(sizes.calibration)),
        others: Array(order.dropFirst(sizes.calibration).prefix(sizes.others)), to: &tally)
    }
    return record(
      tally, batchSize: updates.first?.experiment.batchSize ?? 1, updates: updates.count,
      calibration: calibration)
  }

  /// Scores and proofs of several updates.
  private struct Tally {
    var scores: [MembershipScore: Groups] = [:]
    var proofs = MembershipProofs()
  }

  private func add(
    _ update: SharedUpdate, _ audit: UpdateAudit, members: [PrivateExample],
    known: [PrivateExample], others: [PrivateExample], to tally: inout Tally
  ) throws(AttackError) {
    let groups = try judge(update, audit, known: known, candidates: [members, others])
    for (score, group) in groups { tally.scores[score, default: Groups()].append(group) }
    try tally.proofs.add(update, audit, members: members, others: others, runner.backend)
  }

  private func record(
    _ tally: Tally, batchSize: Int, updates: Int, calibration: Int
  ) -> MembershipRecord {
    var record = record(batchSize: batchSize, updates: updates, calibration: calibration)
    record.measures = MembershipScore.allCases.compactMap { score in
      tally.scores[score].map { measure(score, $0) }
    }
    record.proofs = tally.proofs.record
    return record
  }

  private static func check(known count: Int) throws(AttackError) {
    guard count >= leastKnown else {
      throw AttackError(
        "\(count) records that are not in the batch are too few to tell how they score; give "
          + "\(leastKnown) at least", .badInput)
    }
  }

  /// Judges candidates beside a client's update.
  ///
  /// - Parameters:
  ///   - known: records that are known not to be in it.
  /// - Throws: ``AttackError`` when the backend fails.
  package func judge(
    _ prepared: PreparedPictures, candidates: [PrivateExample], known: [PrivateExample]
  ) throws -> MembershipRecord {
    try MembershipStudy.check(known: known.count)
    guard case .update(let subject) = prepared.subject else {
      throw ExperimentError("data.update", "is missing; give what a client shared")
    }
    let audit = runner.audit(seed: experiment.attack.seed)
    let groups = try judge(subject.update, audit, known: known, candidates: [candidates, []])
    var record = record(
      batchSize: subject.update.batchSize, updates: 1, calibration: known.count)
    let spans = try MembershipProofs.spans(subject.update, audit, runner.backend)
    record.candidates = try zip(candidates, groups[.cosine]?.members ?? []).map {
      example, score throws(AttackError) in
      MembershipRecord.Candidate(
        name: example.name, deviations: JSONNumber(score),
        chance: JSONNumber(NormalDistribution.tail(score)),
        isProved: try spans?.proves(example.image.doubles, label: example.label))
    }
    return record
  }

  // MARK: - Scores

  /// Scores in standard deviations above those of known non-members.
  private struct Groups {
    var members: [Double] = []
    var others: [Double] = []
    var known: [Double] = []

    mutating func append(_ other: Groups) {
      members += other.members
      others += other.others
      known += other.known
    }
  }

  private func judge(
    _ update: SharedUpdate, _ audit: UpdateAudit, known: [PrivateExample],
    candidates: [[PrivateExample]]
  ) throws(AttackError) -> [MembershipScore: Groups] {
    let gradients = try CandidateGradients(
      audit.weighted, update, mode: audit.mode, backend: runner.backend)
    func scores(
      _ examples: [PrivateExample]
    ) throws(AttackError) -> [[MembershipScore: Double]] {
      try examples.map { example throws(AttackError) in try gradients.scores(example) }
    }
    let ofKnown = try scores(known)
    let ofMembers = try scores(candidates[0])
    let ofOthers = try scores(candidates[1])
    var result: [MembershipScore: Groups] = [:]
    for score in MembershipScore.allCases {
      let calibration = ScoreCalibration(
        ofKnown.map { $0[score] ?? 0 }, groups: known.map { $0.label ?? 0 })
      func standardized(
        _ scores: [[MembershipScore: Double]], _ examples: [PrivateExample]
      ) -> [Double] {
        zip(scores, examples).map {
          calibration.standardized($0[score] ?? 0, group: $1.label ?? 0)
        }
      }
      result[score] = Groups(
        members: standardized(ofMembers, candidates[0]),
        others: standardized(ofOthers, candidates[1]),
        known: calibration.standardizedKnown(
          ofKnown.map { $0[score] ?? 0 }, groups: known.map { $0.label ?? 0 }))
    }
    return result
  }

  private func measure(_ score: MembershipScore, _ groups: Groups) -> MembershipRecord.Measure {
    let curve = ReceiverOperating(members: groups.members, others: groups.others)
    let rates = MembershipStudy.falsePositiveRates.map { rate in
      let threshold = ScoreCalibration.threshold(groups.known, falsePositiveRate: rate)
      let found = curve.rates(above: threshold.value)
      return MembershipRecord.Rate(
        falsePositiveRate: rate, isObserved: threshold.isObserved, found: found.members.successes,
        members: found.members.count, interval: found.members.interval.ends,
        falsePositives: found.others.successes, others: found.others.count)
    }
    return MembershipRecord.Measure(
      score: score.rawValue, area: JSONNumber(curve.area), interval: curve.interval.ends,
      rates: rates)
  }

  private func record(batchSize: Int, updates: Int, calibration: Int) -> MembershipRecord {
    MembershipRecord(
      kind: kind.rawValue, model: runner.selected.model.name, batchSize: batchSize,
      updates: updates,
      seed: experiment.attack.seed,
      defence: experiment.defences.isEmpty ? nil : experiment.defences.description,
      calibration: calibration)
  }
}

extension ClosedRange<Double> {
  /// Both ends.
  fileprivate var ends: [Double] { [lowerBound, upperBound] }
}

extension RandomSource {
  /// A permutation of so many.
  func permuted(_ count: Int) -> [Int] {
    var source = self
    return source.permutation(of: count)
  }
}
