import Attacks
import CPUBackend
import Clients
import Defences
import ModelIO
import TestSupport
import Testing

@testable import Audit

/// Audits, sweeps and prices of defences on rows of the bundled table.
@Suite struct RowAuditTests {
  private let backend = CPUBackend(CPUBackend.Options(threadCount: 1))
  private let patients = TableChoice(file: BundledTable.name)

  private func experiment() throws -> Experiment {
    try Experiment(
      json: Array(#"{"data": {"rows": [], "table": {"file": "patients"}}}"#.utf8), path: "e.json")
  }

  private func prepared(
    _ rows: [Int], batchSize: Int, on runner: RowRunner
  ) throws -> [PreparedRows] {
    var experiment = try experiment()
    experiment.data.examples = rows.map(String.init)
    return try experiment.divided(into: batchSize).map { try runner.prepareRows($0) }
  }

  private func kinds(_ names: [String]) -> [DefenceDescriptor] {
    names.compactMap { name in DefenceCatalog.all.first { $0.name == name } }
  }

  @Test func theVerdictSpeaksOfRowsMembersAndProperties() throws {
    let runner = try RowRunner(experiment(), batchSizes: [1], backend: backend)
    let prepared = try prepared([3, 40, 77, 150], batchSize: 1, on: runner)
    var result = try LeakageAudit(
      LeakageAudit.Plan(experiments: prepared, kinds: kinds(["fp16"]), budget: 36_000),
      runner: runner
    ).run()
    try RowInference(runner, prepared, rule: PropertyRule("sex=female")).add(
      to: &result, until: .now + .seconds(3600))
    #expect(result.undefended.count == 4 && result.findings.map(\.outcome) == [.leaks])
    // Without a defence and behind the one that was tried.
    #expect(result.memberships.map(\.defence) == [nil, "fp16"])
    #expect(result.properties.map(\.defence) == [nil, "fp16"])
    let proofs = try #require(result.memberships[0].proofs)
    #expect(proofs.members == 4 && proofs.others == 0 && proofs.otherCount == 400)
    #expect(result.memberships[0].updates == 4 && result.memberships[0].batchSize == 1)
    #expect(result.properties[0].property == "sex=female" && result.properties[0].isInput == true)

    var input = ReportInput(records: result.records, folder: nil, path: "run.json")
    input.addInference(of: result)
    let report = Report(input)
    #expect(report.verdict.grade == .F)
    let sentences = report.verdict.sentences
    for part in [
      "Of the private rows, 4 of 4", "Certified without the originals: 4 of 4 updates",
      "modes and medians", "the most frequent one is right for",
      "Members: 4 of 4 are proved to be in their batches, and 0 of 400 other rows",
      "Members behind fp16:", "Property sex=female:", "Property sex=female behind fp16:",
    ] {
      #expect(sentences.contains { $0.contains(part) }, "\(part) in \(sentences)")
    }
    // Three of the labels are the table's most frequent one: four right ones are no finding.
    #expect(!report.verdict.areLabelsTold)
    #expect(try !SARIF(report.verdict).text().contains("labels were found"))
    #expect(!report.untested.contains { $0.contains("infer") })
    let page = try report.text(.markdown)
    #expect(page.contains("it was proved of 4 of 4 of those who are"))
    #expect(page.contains("found for 4 of 4; the most frequent one is right for"))
    #expect(page.contains("Take who is in a batch as disclosed behind fp16"))
    // A folder of it is read again whole.
    let folder = TestFolder()
    _ = try AuditWriter(folder: try OutputFolder(folder("out"))) { _ in [] }.write(result)
    var read = ReportInput()
    try read.add(path: folder("out"))
    #expect(read.privacy.memberships == result.memberships)
    #expect(read.privacy.properties == result.properties)
    #expect(read.records == result.records)
  }

  @Test func whatWasNotAskedIsNotTested() throws {
    let runner = try RowRunner(experiment(), batchSizes: [1], backend: backend)
    let prepared = try prepared([3], batchSize: 1, on: runner)
    var result = LeakageAudit.Result()
    result.undefended = [try prepared[0].run { _ in .proceed }]
    try RowInference(runner, prepared, rule: nil).add(to: &result, until: .now)
    #expect(result.memberships.isEmpty && result.remarks == ["Members: for want of time."])
    let report = Report(ReportInput(records: result.records, folder: nil, path: "run.json"))
    #expect(report.untested.contains { $0.contains("infer membership") })
    #expect(report.untested.contains { $0.contains("infer property") })
  }

  @Test func whatADefenceLeavesIsSaid() throws {
    var result = LeakageAudit.Result()
    let finding = DefenceFinding(
      defence: "gaussian", outcome: .stops, strength: try DefenceChain("gaussian:0.1"),
      rate: LeakRate([]), wireShare: nil, isComplete: true)
    #expect(result.caveat(on: finding) == nil)
    var record = MembershipRecord(
      kind: "rows", model: "mlp", batchSize: 1, updates: 1, seed: 0, defence: "gaussian:0.1",
      calibration: 10)
    record.measures = [
      .init(score: "cosine", area: JSONNumber(0.9), interval: [0.6, 1], rates: [])
    ]
    result.memberships = [record]
    #expect(result.caveat(on: finding)?.contains("who is in a batch") == true)
    record.measures[0].interval = [0.4, 1]
    result.memberships = [record]
    #expect(result.caveat(on: finding) == nil)
    #expect(record.sentence.contains("not told") && record.sentence.contains("shows nothing"))
  }

  /// Free numbers fit noise; rows are sought with their words made and their numbers on their grids.
  @Test func noiseLeavesWordsReadable() throws {
    let runner = try RowRunner(experiment(), batchSizes: [1], backend: backend)
    for rows in try prepared([3, 40], batchSize: 1, on: runner) {
      let record = try rows.varied {
        $0.defences = (try? DefenceChain("gaussian:1e-3")) ?? .none
        $0.attack.iterations = 300
      }.run { _ in .proceed }.record
      #expect(record.trials.contains { $0.method == "tableak" })
      #expect(record.examples[0].measure("categorical") == 1)
      #expect(record.examples[0].measure("near") > 0.9)
    }
  }

  @Test(arguments: ["mixup:1", "instahide:2", "soteria:0.5", "lora:4"])
  func defencesOfPicturesAreRefusedByRuns(_ defence: String) throws {
    let runner = try RowRunner(experiment(), batchSizes: [2], backend: backend)
    let rows = try prepared([3, 40], batchSize: 2, on: runner)[0].varied {
      $0.defences = (try? DefenceChain(defence)) ?? .none
    }
    let error = #expect(throws: AttackError.self) { _ = try rows.run { _ in .proceed } }
    #expect(error?.message.contains("cannot be applied to rows") == true)
  }

  // MARK: - Sweeps

  @Test func rowsAreSwept() throws {
    let plan = try SweepPlan(
      yaml: "table: patients\nby: town\nignore: [visits]\ndefences: [none, fp16]\nseeds: 2\n"
        + "batch-sizes: [2]\nexamples: 1")
    #expect(
      plan.table == TableChoice(file: "patients", ignored: ["visits"], clients: "town"))
    let examples = try SweepExamples(of: plan)
    let tasks = try plan.tasks(of: examples)
    let towns = try LoadedTable(patients).clients(by: "town").count
    #expect(tasks.count == towns * 4 && tasks.allSatisfy { $0.experiment.data.kind == .rows })
    #expect(tasks.allSatisfy { $0.experiment.model.size == nil })
    try SweepTask.check(tasks, examples, backend: backend)
    var runners = LatestRunner(on: backend)
    let record = try #require(
      try tasks[0].run(examples: examples, runners: &runners) { false }
    ).record
    #expect(record.table?.client != nil && record.examples.allSatisfy { $0.level == .full })
    // Without a limit there are 16 updates, and no row is in two.
    let whole = try SweepPlan(yaml: "table: patients\nbatch-sizes: [3]\nseeds: 1")
    let rows = try whole.tasks(of: SweepExamples(of: whole)).map(\.experiment.data.examples)
    #expect(rows.count == 16 && Set(rows.flatMap(\.self)).count == 48)
  }

  @Test func anotherTableMakesOtherRuns() throws {
    let folder = TestFolder()
    let text = "a,y\n1,no\n2,yes\n3,no\n4,yes\n"
    let yaml = "table: \(folder("t.csv"))\nlabel: y\nseeds: 1\nexamples: 2"
    func keys(_ text: String) throws -> [String] {
      try AtomicFile.write(text, to: folder("t.csv"))
      let plan = try SweepPlan(yaml: yaml)
      return try plan.tasks(of: SweepExamples(of: plan)).map { try $0.key }
    }
    let first = try keys(text)
    #expect(try keys(text) == first)
    #expect(try Set(keys(text.replacing("4,yes", with: "4,no"))).isDisjoint(with: first))
  }

  @Test(arguments: [
    ("table: patients\nimages: a", "give one of them"), ("label: y", "label is of a table"),
    ("table: [a]", "table is not a file's name"), ("table: t\nignore: {a: b}", "ignore has"),
  ]) func plansOfRowsAreChecked(_ yaml: String, _ words: String) {
    #expect { _ = try SweepPlan(yaml: yaml) } throws: { "\($0)".contains(words) }
  }

  @Test(arguments: [
    ("defences: [mixup:1]", "cannot be applied to rows"), ("batch-sizes: [200]", "240 rows"),
    ("by: nobody", "which the table has not"),
  ]) func plansThatRowsCannotFollowAreRefused(_ yaml: String, _ words: String) {
    #expect {
      let plan = try SweepPlan(yaml: "table: patients\nseeds: 1\n" + yaml)
      let examples = try SweepExamples(of: plan)
      try SweepTask.check(plan.tasks(of: examples), examples, backend: backend)
    } throws: { "\($0)".contains(words) }
  }

  // MARK: - Prices

  @Test func defencesOfRowsArePriced() throws {
    let examples = try LabelledExamples(try LoadedTable(patients), seed: 0)
    #expect(examples.training.count == 192 && examples.heldOut.count == 48)
    #expect(examples.training.allSatisfy { $0.image.count == 19 && (0...1).contains($0.label) })
    // Most have the same label: what that gets is what an accuracy is told from.
    #expect(examples.guessedAccuracy > 0.6 && examples.guessedAccuracy < 0.9)
    let runner = try RowRunner(experiment(), batchSizes: [1, 8], backend: backend)
    let model = runner.inputs.selected.model
    let report = try PriceReport.measure(
      [.none, DefenceChain("fp16")], model: model, data: examples, rounds: 2, batchSize: 8,
      learningRates: [0.1], seed: 0, backend: backend)
    #expect(report?.rows.count == 2 && report?.chance == examples.guessedAccuracy)
    #expect(throws: AttackError.self) {
      _ = try PriceReport.measure(
        [DefenceChain("mixup:1")], model: model, data: examples, rounds: 1, batchSize: 8,
        learningRates: [0.1], seed: 0, backend: backend)
    }
    #expect {
      _ = try LabelledExamples(
        try LoadedTable(TableChoice(file: BundledTable.name, label: "age")), seed: 0)
    } throws: { "\($0)".contains("column of numbers") }
  }
}
