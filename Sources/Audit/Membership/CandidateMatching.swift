import Attacks
import Clients
import Defences
import ModelIO
import Privacy
import Solvers
import TensorGraph

/// Picks the one of several candidates that is in a batch, for whoever knows the rest of it: the attack that reconstruction
/// robustness bounds (Hayes, Mahloujifar and Balle 2023, arXiv 2302.07225, section 4: the prior-aware attack).
struct CandidateMatching {
  private let gradients: CandidateGradients
  private let clip: Double

  /// - Parameter clip: the norm to which each example's gradient was clipped; infinite where it was not.
  init(_ gradients: CandidateGradients, clip: Double) {
    (self.gradients, self.clip) = (gradients, clip)
  }

  /// The number of the candidate whose gradient is nearest to what the update has beside that of the known examples: the
  /// likeliest under normal noise.
  ///
  /// - Parameters:
  ///   - update: the sum over the batch, one array of values for each shared tensor.
  ///   - candidates: with their labels; one of them is in the batch, as are all that are `known`.
  /// - Throws: ``AttackError`` when a run fails.
  func pick(
    _ candidates: [PrivateExample], known: [PrivateExample], update: [[Double]]
  ) throws(AttackError) -> Int {
    var rest = update
    for example in known { subtract(try clipped(example), from: &rest) }
    var best = (place: 0, distance: Double.infinity)
    for (place, candidate) in candidates.enumerated() {
      var left = rest
      subtract(try clipped(candidate), from: &left)
      let distance = left.reduce(0) { $0 + $1.reduce(0) { $0 + $1 * $1 } }
      if distance < best.distance { best = (place, distance) }
    }
    return best.place
  }

  private func clipped(_ example: PrivateExample) throws(AttackError) -> [[Double]] {
    let gradient = try gradients.gradient(example.image, label: example.label ?? 0)
    let norm = gradient.reduce(0) { $0 + $1.reduce(0) { $0 + $1 * $1 } }.squareRoot()
    guard norm > clip else { return gradient }
    return gradient.map { $0.map { $0 * clip / norm } }
  }

  private func subtract(_ gradient: [[Double]], from sum: inout [[Double]]) {
    for part in sum.indices {
      for index in sum[part].indices { sum[part][index] -= gradient[part][index] }
    }
  }
}

extension MembershipStudy {
  /// Which of several candidates is in a batch: how often the right one is picked, beside guessing and the bound.
  ///
  /// - Parameters:
  ///   - pool: with labels; no two the same.
  ///   - counts: of candidates, each of which the pool has beside the rest of a batch.
  ///   - updates: each with weights, a batch and candidates of its own.
  /// - Throws: ``AttackError`` when a defence does not apply or the backend fails; ``ExperimentError`` for clients that share
  ///   no single gradient.
  package func identify(
    _ pool: [PrivateExample], batchSize: Int, counts: [Int], updates: Int, loss: ClientLoss
  ) throws -> [MembershipRecord.Identification] {
    guard !experiment.client.hasLocalSteps, experiment.client.count == 1 else {
      throw ExperimentError(
        "client", "trains; candidates are told by one gradient of one client")
    }
    let noise = experiment.defences.guaranteedNoise
    var right = [Int](repeating: 0, count: counts.count)
    for index in 0..<updates {
      let seed = experiment.attack.seed &+ UInt64(index)
      let order = RandomSource(seed: seed).derive(label: "candidates").permuted(pool.count)
      let members = order.prefix(batchSize).map { pool[$0] }
      let audit = runner.audit(seed: seed)
      let update = try clients.share(members, audit.weighted, loss, seed: seed)
      let gradients = try CandidateGradients(
        audit.weighted, update, mode: audit.mode, backend: runner.backend)
      let attack = CandidateMatching(gradients, clip: noise?.clip ?? .infinity)
      for (place, count) in counts.enumerated() {
        // The right one is among them at a random place.
        var candidates = order.dropFirst(batchSize).prefix(count - 1).map { pool[$0] }
        var source = RandomSource(seed: seed).derive(label: "place").derive(index: count)
        let truth = source.integer(below: count)
        candidates.insert(members[0], at: truth)
        let picked = try attack.pick(
          candidates, known: Array(members.dropFirst()), update: gradients.sum)
        if picked == truth { right[place] += 1 }
      }
    }
    return zip(counts, right).map { count, right in
      let rate = SuccessRate(successes: right, count: updates)
      let bound = noise.map {
        PrivacyAccountant(noiseMultiplier: $0.multiplier, samplingRate: 1, rounds: 1)
          .success(prior: 1 / Double(count))
      }
      return MembershipRecord.Identification(
        candidates: count, right: right, tries: updates,
        interval: [rate.interval.lowerBound, rate.interval.upperBound],
        guess: 1 / Double(count), bound: bound)
    }
  }
}
