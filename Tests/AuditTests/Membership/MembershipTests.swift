import Attacks
import CPUBackend
import Clients
import Solvers
import TensorGraph
import TestSupport
import Testing

@testable import Audit

/// Whether records are told to be in a batch.
@Suite struct MembershipTests {
  private let backend = CPUBackend(CPUBackend.Options(threadCount: 1))

  @Test func areasAreThoseOfRanks() {
    func area(_ members: [Double], _ others: [Double]) -> Double {
      ReceiverOperating(members: members, others: others).area
    }
    #expect(area([2, 3], [0, 1]) == 1)
    #expect(area([0, 1], [2, 3]) == 0)
    #expect(area([1, 1], [1, 1]) == 0.5)
    // scikit-learn's roc_auc_score([1, 1, 1, 0, 0], [0.9, 0.4, 0.4, 0.4, 0.1]).
    #expect(abs(area([0.9, 0.4, 0.4], [0.4, 0.1]) - 5.0 / 6) < 1e-12)
    let perfect = ReceiverOperating(members: [2, 3], others: [0, 1])
    #expect(perfect.interval.lowerBound < 0.5 && perfect.interval.upperBound == 1)
  }

  @Test func thresholdsAreThoseOfKnownNonMembers() {
    let known = (0..<1000).map(Double.init)
    let seen = ScoreCalibration.threshold(known, falsePositiveRate: 0.01)
    #expect(seen.isObserved && known.count { $0 > seen.value } == 10)
    let normal = ScoreCalibration.threshold(Array(known.prefix(50)), falsePositiveRate: 0.01)
    #expect(!normal.isObserved && abs(normal.value - 2.326348) < 1e-6)
  }

  @Test func scoresAreJudgedByTheirGroup() {
    var source = RandomSource(seed: 1)
    let scores = (0..<200).map { ($0 % 2 == 0 ? 100 : 0) + source.normal() }
    let calibration = ScoreCalibration(scores, groups: (0..<200).map { $0 % 2 })
    #expect(abs(calibration.standardized(100, group: 0)) < 0.5)
    #expect(calibration.standardized(100, group: 1) > 50)
  }

  private func study(
    batchSize: Int, updates: Int, defences: String? = nil
  ) throws -> MembershipRecord {
    var json = #""data": {"rows": [], "table": {"file": "patients"}}"#
    if let defences { json += #", "defences": "\#(defences)""# }
    let experiment = try Experiment(json: Array("{\(json)}".utf8), path: "e.json")
    let runner = try RowRunner(experiment, batchSizes: [1, batchSize], backend: backend)
    let (pool, loss) = try runner.examples(
      runner.table.labelledRows.map(String.init), .meanCrossEntropy)
    return try MembershipStudy(runner.inputs, experiment, kind: .rows).simulate(
      pool, sizes: .init(batch: batchSize, pool: pool.count, limit: 60), updates: updates,
      loss: loss)
  }

  @Test func aSingleMemberIsTold() throws {
    let record = try study(batchSize: 1, updates: 12)
    let cosine = try #require(record.measures.first { $0.score == "cosine" })
    #expect(cosine.area.value > 0.999)
    #expect(cosine.rates.map(\.falsePositiveRate) == [0.01, 0.001])
    #expect(cosine.rates[0].found == 12 && cosine.rates[0].members == 12)
    #expect(cosine.rates[0].others == 12 * 60 && cosine.rates[0].falsePositives < 30)
  }

  @Test func largerBatchesHideMore() throws {
    func area(_ record: MembershipRecord) -> Double {
      record.measures.first { $0.score == "cosine" }?.area.value ?? 0
    }
    let small = try area(study(batchSize: 4, updates: 6))
    let large = try area(study(batchSize: 64, updates: 2))
    let noisy = try area(study(batchSize: 4, updates: 6, defences: "gaussian:10"))
    #expect(small > 0.8 && large < small && abs(noisy - 0.5) < 0.2)
  }

  @Test func defencesThatMixRecordsAreRefused() {
    #expect { _ = try study(batchSize: 4, updates: 1, defences: "mixup:2") } throws: {
      "\($0)".contains("defences")
    }
  }
}

/// The attack that picks the right candidate, beside the bound that holds for every attack.
@Suite struct CandidateMatchingTests {
  private func identify(
    _ defences: String, counts: [Int], updates: Int, batchSize: Int = 1
  ) throws -> [MembershipRecord.Identification] {
    let json =
      #"{"data": {"rows": [], "table": {"file": "patients"}}, "defences": "\#(defences)"}"#
    let experiment = try Experiment(json: Array(json.utf8), path: "e.json")
    let runner = try RowRunner(
      experiment, batchSizes: [1, batchSize],
      backend: CPUBackend(CPUBackend.Options(threadCount: 1)))
    let (pool, loss) = try runner.examples(
      runner.table.labelledRows.prefix(40).map(String.init), .meanCrossEntropy)
    return try MembershipStudy(runner.inputs, experiment, kind: .rows).identify(
      pool, batchSize: batchSize, counts: counts, updates: updates, loss: loss)
  }

  @Test func withoutNoiseTheRightOneIsAlwaysPicked() throws {
    let all = try identify("none", counts: [2, 20], updates: 10, batchSize: 4)
    #expect(all.allSatisfy { $0.right == 10 && $0.bound == nil })
    let clipped = try identify("dp-sgd:0.5,0.0001", counts: [20], updates: 10, batchSize: 3)
    #expect(clipped[0].right == 10 && clipped[0].bound == 1)
  }

  /// Nobody does better than the bound, and this attack does better than guessing.
  @Test func theBoundHolds() throws {
    let rows = try identify("dp-sgd:0.1,0.7", counts: [2, 10], updates: 150)
    for row in rows {
      let bound = try #require(row.bound)
      #expect(row.interval[0] <= bound, "\(row)")
      #expect(row.interval[0] > row.guess, "\(row)")
    }
  }
}
