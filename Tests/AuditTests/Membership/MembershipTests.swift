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
    #expect(abs(ScoreCalibration.tail(1.959964) - 0.025) < 1e-7)
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
