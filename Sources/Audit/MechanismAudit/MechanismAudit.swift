import Foundation
import Privacy
import Solvers
import TensorGraph

/// Audits a filter of updates from outside: does it add the noise that is claimed of it?
///
/// A canary is one large number in an update of zeros (Dirac canaries: orthogonal, and of any norm). In each run a coin decides
/// whether it is there; how well its number in the filter's output tells bounds ε from below.
package struct MechanismAudit {
  /// What is claimed, and how much is tried.
  package struct Plan: Sendable {
    /// The norm to which a record is clipped; nil where it is not known.
    package var clip: Double?
    /// The ε of all rounds; nil where none is claimed.
    package var claimedEpsilon: Double?
    package var delta = 1e-5
    package var rounds = 1
    package var samplingRate = 1.0
    /// Runs with or without the canary.
    package var runs = 100
    /// Examples that the filter takes at once, one below the other, and makes one update of; nil for one update at a time.
    package var stacked: Int?
    package var seed: UInt64 = 0

    package init() {}
  }

  private let plan: Plan
  private let filter: any UpdateFilter
  private let shapes: [String: Shape]

  /// - Parameter shapes: of an update's tensors, by name; not empty, and of one number or more each.
  package init(_ filter: any UpdateFilter, shapes: [String: Shape], plan: Plan) {
    precondition(!shapes.isEmpty && shapes.values.allSatisfy { $0.elementCount > 0 }, "no tensors")
    self.filter = filter
    self.shapes = shapes
    self.plan = plan
  }

  /// - Parameters:
  ///   - observe: called before each run with its number from 0 and their count.
  ///   - shouldStop: whether to end with the runs that were made.
  /// - Throws: what the filter throws, and ``MechanismAuditError``.
  package func run(
    observe: (Int, Int) -> Void = { _, _ in }, shouldStop: () -> Bool = { false }
  ) throws -> MechanismRecord {
    let adapted: any UpdateFilter = plan.stacked == nil ? filter : OfOneExample(filter: filter)
    let updates = FilteredUpdates(adapted, shapes: shapes)
    let probe = try MechanismProbe(updates, clip: plan.clip ?? 1)
    var record = MechanismRecord(
      verdict: .noClaim, claimedEpsilon: plan.claimedEpsilon, delta: plan.delta,
      rounds: plan.rounds, samplingRate: plan.samplingRate, clip: plan.clip,
      calls: MechanismProbe.calls(tensors: shapes.count), canary: probe.canary,
      faults: probe.faults.map {
        MechanismRecord.Fault(
          fault: $0.fault, tensors: $0.tensors, sentence: $0.fault.sentence($0.tensors))
      }, response: probe.response, noise: probe.deviations[probe.tensor], bounds: [],
      estimate: nil, wasStopped: false)
    if record.faults.isEmpty {
      let scores = try score(updates, probe, observe: observe, shouldStop: shouldStop)
      record.calls += scores.with.count + scores.without.count
      record.wasStopped = scores.wasStopped
      if scores.with.count > 1, scores.without.count > 1 {
        record.bounds.append(bound(scores, threshold: probe.response / 2))
        record.estimate = estimate(scores)
      }
      if let stacked = plan.stacked, !shouldStop() {
        let bound = try oneRun(stacked, probe)
        record.bounds.append(bound)
        record.calls += 1
      }
    }
    record.verdict = verdict(record)
    return record
  }

  // MARK: - Runs

  private struct Scores {
    var with: [Double] = []
    var without: [Double] = []
    /// Other numbers of the canary's tensor: its noise.
    var rest: [Double] = []
    var wasStopped = false
  }

  private func score(
    _ updates: FilteredUpdates, _ probe: MechanismProbe, observe: (Int, Int) -> Void,
    shouldStop: () -> Bool
  ) throws -> Scores {
    var coins = RandomSource(seed: plan.seed).derive(label: "coins")
    var scores = Scores()
    for run in 0..<plan.runs {
      if shouldStop() {
        scores.wasStopped = true
        break
      }
      observe(run, plan.runs)
      let place = FilteredUpdates.Place(tensor: probe.tensor, index: 0)
      let isThere = coins.integer(below: 2) == 1
      let output = try updates.output(isThere ? [place: probe.canary] : [:])[probe.tensor]
      if isThere { scores.with.append(output[0]) } else { scores.without.append(output[0]) }
      if scores.rest.count < 20_000 { scores.rest += output.dropFirst().prefix(1000) }
    }
    return scores
  }

  private func bound(_ scores: Scores, threshold: Double) -> MechanismRecord.Bound {
    let alarms = scores.without.count { $0 > threshold }
    let misses = scores.with.count { $0 <= threshold }
    func epsilon(_ alarms: Int, _ misses: Int) -> Double {
      EmpiricalEpsilon.manyRuns(
        falseAlarms: alarms, without: scores.without.count, misses: misses,
        with: scores.with.count, delta: plan.delta)
    }
    let count = scores.with.count + scores.without.count
    return MechanismRecord.Bound(
      method: "many runs", epsilon: epsilon(alarms, misses), canaries: count,
      right: count - alarms - misses, guesses: count, reach: epsilon(0, 0))
  }

  private func estimate(_ scores: Scores) -> MechanismRecord.Estimate {
    let shift = GaussianEstimate(with: scores.with, without: scores.without + scores.rest)
    func epsilon(_ mu: Double) -> JSONNumber {
      guard mu > 0 else { return JSONNumber(0) }
      return JSONNumber(
        PrivacyAccountant(
          noiseMultiplier: 1 / mu, samplingRate: plan.samplingRate, rounds: plan.rounds
        ).epsilon(delta: plan.delta))
    }
    return MechanismRecord.Estimate(
      mu: JSONNumber(shift.mu), epsilon: epsilon(shift.mu), leastEpsilon: epsilon(shift.least),
      isNormal: Self.looksNormal(scores.without + scores.rest))
  }

  /// By the fourth moment, whose standard error under a normal distribution is √(24 / n).
  private static func looksNormal(_ values: [Double]) -> Bool {
    let (count, moments) = (Double(values.count), SampleMoments(values))
    let variance = moments.squares / count
    let fourth = values.reduce(0) { $0 + pow($1 - moments.mean, 4) } / count
    return abs(fourth / (variance * variance) - 3) < 5 * (24 / count).squareRoot()
  }

  // MARK: - One run

  /// One call with as many canaries as examples, each in or out by a coin, in numbers of their own.
  private func oneRun(_ count: Int, _ probe: MechanismProbe) throws -> MechanismRecord.Bound {
    let updates = FilteredUpdates(filter, shapes: shapes)
    let canaries = min(count, updates.layout[probe.tensor].count)
    var coins = RandomSource(seed: plan.seed).derive(label: "stacked")
    let isThere = (0..<canaries).map { _ in coins.integer(below: 2) == 1 }
    let output = try updates.stackedOutput(
      (0..<count).map { example in
        guard example < canaries, isThere[example] else { return [:] }
        return [FilteredUpdates.Place(tensor: probe.tensor, index: example): probe.canary]
      })[probe.tensor]
    let ranked = (0..<canaries).sorted { output[$0] < output[$1] }
    // Guesses at the ends are the surest. Which share is best is not known, so that each of three has a third of the error.
    let shares = [1, 4, 16].map { divisor -> MechanismRecord.Bound in
      let half = max(canaries / (2 * divisor), 1)
      let right =
        ranked.prefix(half).count { !isThere[$0] } + ranked.suffix(half).count { isThere[$0] }
      func epsilon(_ right: Int) -> Double {
        EmpiricalEpsilon.oneRun(
          right: right, guesses: 2 * half, canaries: canaries, delta: plan.delta,
          confidence: 1 - 0.05 / 3)
      }
      return MechanismRecord.Bound(
        method: "one run", epsilon: epsilon(right), canaries: canaries, right: right,
        guesses: 2 * half, reach: epsilon(2 * half))
    }
    return shares.max { $0.epsilon < $1.epsilon } ?? shares[0]
  }

  // MARK: - Verdict

  private func verdict(_ record: MechanismRecord) -> MechanismRecord.Verdict {
    guard let claimed = record.claimedEpsilon else { return .noClaim }
    if !record.faults.isEmpty { return .refuted }
    // A round's bound is one of all rounds: more rounds tell no less. Where records are sampled they are not in every one.
    let isSampled = plan.samplingRate < 1
    if !isSampled, record.bounds.contains(where: { $0.epsilon > claimed }) { return .refuted }
    if let estimate = record.estimate,
      estimate.leastEpsilon.value > claimed * PrivacyPitfall.tolerance
    {
      return .doubtful
    }
    return .notRefuted
  }
}

/// A filter that takes a stack of examples, given a stack of one.
private struct OfOneExample: UpdateFilter {
  let filter: any UpdateFilter

  func apply(_ update: [String: Tensor]) throws -> [String: Tensor] {
    try filter.apply(
      update.mapValues { Tensor(Shape([1] + $0.shape.dimensions), .f32, $0.doubles) })
  }
}
