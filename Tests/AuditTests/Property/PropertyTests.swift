import CPUBackend
import Clients
import Solvers
import TestSupport
import Testing

@testable import Audit

/// Whether updates tell a property of their batches.
@Suite struct PropertyTests {
  private let backend = CPUBackend(CPUBackend.Options(threadCount: 1))

  private func runner(_ seed: UInt64 = 0) throws -> (RowRunner, Experiment) {
    var experiment = try Experiment(
      json: Array(
        #"{"data": {"rows": [], "table": {"file": "patients", "ignored": ["sex"]}}}"#.utf8),
      path: "e.json")
    experiment.attack.seed = seed
    return (try RowRunner(experiment, batchSizes: [1, 4], backend: backend), experiment)
  }

  private func record(
    _ sizes: PropertyStudy.Sizes, seed: UInt64 = 0, isWomanProperty: Bool = true
  ) throws -> PropertyRecord {
    let (runner, experiment) = try runner(seed)
    let rule = try #require(PropertyRule("sex=female"))
    let rows = try rule.rows(of: try #require(runner.table.source))
    let (examples, loss) = try runner.examples(
      (rows.having + rows.lacking).map(String.init), .meanCrossEntropy)
    let pool = examples.enumerated().map { index, example in
      PropertyExample(
        example, hasProperty: isWomanProperty ? index < rows.having.count : index % 2 == 0)
    }
    return try #require(
      try PropertyStudy(runner.inputs, experiment, kind: .rows).run(
        pool, sizes: sizes, loss: loss))
  }

  /// Heights and weights tell women from men, whom the model is not told.
  @Test func aPropertyThatIsNoInputIsTold() throws {
    let record = try record(
      .init(batch: 4, having: 4, auxiliary: 200, clients: 50, rounds: 1))
    #expect(record.isTold && record.area.value > 0.75, "\(record.area), p \(record.chance)")
    #expect(record.clientsWith == 14 && record.clientsWithout == 16)
    #expect(record.labelsArea.value < record.area.value && record.candidate == nil)
  }

  @Test func roundsAddUp() throws {
    let record = try record(
      .init(batch: 4, having: 2, auxiliary: 20, clients: 4, rounds: 3))
    #expect(record.rounds.map(\.number) == [1, 2, 3] && record.havingInBatch == 2)
    #expect(record.rounds.last?.accumulated == record.area)
  }

  /// Which records are called to have it is drawn: nothing can be told, and nothing is said to be.
  @Test func nothingIsToldOfNothing() throws {
    let told = try (0..<6).count { seed in
      try record(
        .init(batch: 4, having: 4, auxiliary: 30, clients: 10, rounds: 1), seed: UInt64(seed),
        isWomanProperty: false
      ).isTold
    }
    #expect(told <= 1)
  }

  @Test func tooFewRecordsAreRefused() throws {
    #expect(throws: AttackError.self) {
      _ = try record(.init(batch: 64, having: 64, auxiliary: 10, clients: 5, rounds: 1))
    }
  }

  @Test func permutationsGiveChances() {
    var source = RandomSource(seed: 5)
    let apart = ReceiverOperating(members: [5, 6, 7], others: [1, 2, 3])
    // 1 of the 20 ways to choose three of six is as good.
    let chance = apart.chance(permutations: 4000, using: &source)
    #expect(abs(chance - 1.0 / 20) < 0.01)
    let mixed = ReceiverOperating(members: [1, 4, 5], others: [2, 3, 6])
    #expect(mixed.chance(permutations: 400, using: &source) > 0.3)
  }

  @Test func rulesAreRead() throws {
    let table = CSVTable(
      path: "t", header: ["sex", "age"],
      rows: [["f", "3"], ["m", "40"], ["", "x"], ["f", "50"]])
    let female = try #require(PropertyRule("sex=f"))
    #expect(try female.rows(of: table).having == [1, 4])
    #expect(try female.rows(of: table).lacking == [2])
    let older = try #require(PropertyRule("age>10"))
    #expect(throws: (any Error).self) { try older.rows(of: table) }
    #expect(PropertyRule("sex") == nil && PropertyRule("age>x") == nil && PropertyRule("=f") == nil)
    for text in ["sex=x", "nobody=f"] {
      let rule = try #require(PropertyRule(text))
      #expect(throws: (any Error).self) { try rule.rows(of: table) }
    }
  }
}
