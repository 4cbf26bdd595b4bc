import Attacks
import Clients
import ModelIO
import Solvers
import TensorGraph
import Testing

@testable import Audit

// The kind of data that "Add a kind of data" in the documentation builds.

/// Readings of two sensors, such as "0.5:2", that a linear model y = w·x with a squared error is trained on.
private struct ReadingData: DataKind {
  let descriptor = DataKindDescriptor(
    name: "readings", singular: "reading", plural: "readings",
    fullRule: "both numbers to six digits", recognisableRule: "both numbers within a tenth",
    score: "accuracy", usualModel: "line", leastIterations: 1)

  func check(_ experiment: Experiment) throws(ExperimentError) {
    guard experiment.model.name == descriptor.usualModel else {
      throw ExperimentError("model.name", "is \(experiment.model.name); readings know line alone")
    }
  }

  func runner(
    for experiment: Experiment, batchSizes: Set<Int>, backend: any Backend
  ) throws -> any ExperimentRunner {
    ReadingRunner()
  }
}

private struct ReadingRunner: ExperimentRunner {
  let drawsWeights = true
  let notes: [Sentence] = []

  func labelled(_ experiment: Experiment) throws -> Experiment { experiment }

  func prepare(
    _ experiment: Experiment, names: [String]?
  ) throws -> any PreparedExperiment {
    let readings = experiment.data.examples.map {
      $0.split(separator: ":").compactMap { Double($0) }
    }
    guard readings.count == 1, readings[0].count == 2 else {
      throw ExperimentError("data.readings", "is no single reading; write one such as 0.5:2")
    }
    return PreparedReading(experiment: experiment, reading: readings[0])
  }
}

private struct PreparedReading: PreparedExperiment {
  var experiment: Experiment
  let reading: [Double]
  let notes: [Sentence] = []
  let name = "reading"
  let isSimulated = true
  let provenScore = 1.0

  func varied(_ change: (inout Experiment) -> Void) -> PreparedReading {
    var other = self
    change(&other.experiment)
    return other
  }

  func check() throws {}

  func fit() throws(AttackError) -> (misfit: UpdateMisfit?, truth: TruthCheck?) { (nil, nil) }

  /// The client shares the gradients of w and b, 2(w·x + b - y)·x and 2(w·x + b - y): their quotient is x.
  func run(observe: (ExperimentProgress) -> SolverDecision) throws -> AuditOutcome {
    let error = 2 * (0.3 * reading[0] - 0.7 * reading[1] - 1)
    let update = [error * reading[0], error * reading[1], error]
    let found = [update[0] / update[2], update[1] / update[2]]
    let distance = zip(found, reading).map { abs($0 - $1) }.max() ?? .infinity
    var record = RunRecord(
      tool: GradleakVersion.current, configuration: experiment.attack,
      model: ModelSummary(
        name: "line", activation: "none", inputShape: [2], classCount: 0, parameterCount: 3,
        weights: .other("fixed"), fingerprint: "line"),
      update: UpdateSummary(
        kind: "gradient", loss: "mse", batchSize: 1, localSteps: 1,
        norm: update.reduce(0) { $0 + $1 * $1 }.squareRoot(), fingerprint: "\(update)"),
      threatModel: ThreatModel(),
      trials: [
        TrialRecord(
          method: "quotient", reason: .solved, iterations: 1, evaluations: 0, matchingLoss: 0)
      ], bestTrial: 0, matchingLoss: 0, trace: [])
    record.kind = "readings"
    record.experiment = experiment
    record.examples = [
      ExampleResult(
        name: name, original: "\(reading)", recovered: "\(found)",
        level: distance < 1e-6 ? .full : distance < 0.1 ? .recognisable : .nothing,
        score: max(1 - distance, 0),
        baselines: [ExampleResult.Guess(name: "means of both sensors", score: 0)])
    ]
    return AuditOutcome(
      record: record,
      timing: RunTiming(compileSeconds: 0, attackSeconds: 0, evaluationsPerSecond: 0))
  }
}

@Suite struct ToyDataTests {
  @Test func aKindOfDataIsOneFile() throws {
    var experiment = Experiment()
    experiment.data = ExperimentData("readings")
    experiment.data.examples = ["0.5:2"]
    experiment.model = ModelChoice(name: "line")
    let kind = ReadingData()
    try kind.check(experiment)
    let runner = try kind.runner(
      for: experiment, batchSizes: [1], backend: ReferenceInterpreter())
    let prepared = try runner.prepare(experiment, names: nil)
    let result = try LeakageAudit(
      LeakageAudit.Plan(experiments: [prepared], kinds: [], budget: 60), runner: runner
    ).run()
    let record = try #require(result.records.first)
    #expect(LeakageVerdict([record]).grade == .F)
    let report = Report(ReportInput(records: [record], folder: nil, path: "run.json"))
    #expect(try report.text(.html).contains("[0.5, 2.0]"))
    #expect(try ResultWriter.json([record]).contains("\"readings\" : ["))
  }

  /// Every kind is there by its name, and no two share one.
  @Test func kindsHaveNames() throws {
    let names = DataKinds.all.map(\.descriptor.name)
    #expect(Set(names).count == names.count && names.contains(.pictures) && names.contains(.texts))
    for name in names { #expect(try DataKinds.kind(name).descriptor.name == name) }
    #expect(throws: ExperimentError.self) { try DataKinds.kind("pictres") }
    for attack in AttackCatalog.all.map(\.descriptor) + AttackCatalog.texts {
      #expect(attack.data.isSubset(of: names), "\(attack.name)")
    }
  }
}
