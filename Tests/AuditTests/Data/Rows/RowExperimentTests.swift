import Attacks
import CPUBackend
import Clients
import Defences
import ModelIO
import Solvers
import TensorGraph
import TestSupport
import Testing

@testable import Audit

/// Experiments on rows of the bundled table.
@Suite struct RowExperimentTests {
  private let backend = CPUBackend(CPUBackend.Options(threadCount: 1))

  private func experiment(_ json: String) throws -> Experiment {
    try Experiment(json: Array(json.utf8), path: "e.json")
  }

  private func record(
    _ rows: [Int], _ change: (inout Experiment) throws -> Void = { _ in }
  ) throws -> RunRecord {
    var experiment = try experiment(#"{"data": {"rows": [], "table": {"file": "patients"}}}"#)
    experiment.data.examples = rows.map(String.init)
    try change(&experiment)
    try experiment.check()
    let runner = try experiment.runner(on: backend)
    try runner.prepare(experiment, names: nil).check()
    return try experiment.run(on: backend).record
  }

  @Test func aFileNamesTable() throws {
    let read = try experiment(
      #"{"data": {"rows": ["3"], "table": {"file": "t.csv", "label": "y", "ignored": ["id"]}}}"#)
    #expect(read.data.kind == .rows && read.data.examples == ["3"] && read.model.name == "mlp")
    #expect(read.data.table == TableChoice(file: "t.csv", label: "y", ignored: ["id"]))
    #expect(try experiment(ResultWriter.json(read)) == read)
  }

  @Test func aSingleRowComesBackWithItsLabel() throws {
    for loss in [ClientLoss.Kind.crossEntropy, .binaryCrossEntropy] {
      let record = try record([17]) { $0.loss.kind = loss }
      #expect(record.kind == .rows && record.images.isEmpty && record.isCertain == true)
      #expect(record.examples.map(\.level) == [.full])
    }
  }

  @Test func aBatchComesBackExactlyAndIsCertain() throws {
    let rows = [2, 31, 77, 120, 121, 180, 201, 240]
    for loss in [ClientLoss.Kind.crossEntropy, .binaryCrossEntropy] {
      let record = try record(rows) { $0.loss.kind = loss }
      #expect(record.examples.map(\.name) == rows.map { "row-\($0)" })
      #expect(record.examples.allSatisfy { $0.level == .full }, "\(loss)")
      #expect(record.isCertain == true && record.method == "spear")
      // A change of any cell changes the update.
      let misses = try #require(record.nearMisses)
      #expect(misses.tried == 32 && misses.rejected == 32 && misses.nearest.value > 1e-12)
      let proof = try #require(LeakProof(record))
      #expect(proof.nearMisses.contains("32 rows") && proof.relativeDistance < 1e-24)
      #expect(record.table?.columns.last?.name == "diabetes" && record.table?.inputs == 19)
      let cells = try #require(record.examples[0].cells)
      #expect(cells.count == 11 && cells.allSatisfy { $0.isRight == true })
      #expect(cells.first { $0.column == "sex" }?.recovered == "male")
      let text = try ResultWriter.json([record])
      #expect(try RunRecord.read(bytes: Array(text.utf8), path: "") == [record])
      let verdict = LeakageVerdict([record])
      #expect(verdict.grade == .F)
      #expect(verdict.sentences[0].hasPrefix("Of the private rows, 8 of 8"))
    }
  }

  /// More rows than the first layer's gradient has a rank for, also behind embeddings; f32 suffices.
  @Test(arguments: [("mlp", Precision.f64), ("entity-mlp", .f64), ("mlp", .f32)])
  func largeBatchesAreReadRowByRow(_ model: String, _ precision: Precision) throws {
    let record = try record(Array(1...40)) {
      $0.model.name = model
      $0.attack.precision = precision
    }
    #expect(record.method == "span" && record.isCertain == true)
    #expect(record.examples.allSatisfy { $0.level == .full })
  }

  /// Two rows that differ in their label alone have no cotangent of their own; the others are kept as they were solved for.
  @Test func whatWasSolvedForIsKept() throws {
    let folder = TestFolder()
    var lines = ["a,b,c,d,y"]
    var source = RandomSource(seed: 6)
    for index in 0..<20 {
      let numbers = (0..<4).map { _ in String(source.integer(below: 100)) }
      lines.append((numbers + [index % 2 == 0 ? "no" : "yes"]).joined(separator: ","))
    }
    lines.append(String(lines[1].dropLast(2)) + "yes")
    try AtomicFile.write(lines.joined(separator: "\n") + "\n", to: folder("t.csv"))
    let record = try record(Array(1...12) + [21]) {
      $0.data.table = TableChoice(file: folder("t.csv"), label: "y")
      $0.attack.iterations = 20
    }
    #expect(record.method == "span")
    #expect(record.examples.count { $0.level == .full } >= 11)
  }

  /// Embeddings narrower than their words leave fewer equations than numbers, and rows with the very gradient are the batch
  /// all the same: no search for pictures takes their place.
  @Test func rowsThatHaveTheGradientAreNotGivenUp() throws {
    let folder = TestFolder()
    var lines = ["a,b,c,d,n,m,y"]
    var source = RandomSource(seed: 6)
    for index in 0..<120 {
      let words = (0..<4).map { _ in "w\(source.integer(below: 8))" }
      let numbers = (0..<2).map { _ in String(source.integer(below: 10_000)) }
      lines.append((words + numbers + [index % 2 == 0 ? "no" : "yes"]).joined(separator: ","))
    }
    try AtomicFile.write(lines.joined(separator: "\n") + "\n", to: folder("t.csv"))
    let record = try record(Array(1...24)) {
      $0.data.table = TableChoice(file: folder("t.csv"), label: "y")
      ($0.model.name, $0.model.width) = ("entity-mlp", 128)
    }
    let diagnosis = try #require(record.diagnosis)
    #expect(try #require(diagnosis.equationBound) < 9 * #require(diagnosis.unknowns) / 10)
    #expect(record.method == "span" && record.isCertain == true)
    #expect(record.examples.allSatisfy { $0.level == .full })
  }

  /// A word that no row has leaves zeros in the gradient, at any batch size.
  @Test func wordsThatOccurAreTold() throws {
    let record = try record([3, 9, 30])
    let words = try #require(record.table?.occurring)
    #expect(
      words.map(\.column)
        == ["sex", "town", "smoking", "insurance"].filter { name in
          words.contains { $0.column == name }
        })
    #expect(words.contains { $0.words.count < $0.known })
    #expect(words.allSatisfy { Set($0.words) == Set($0.originals ?? []) })
    #expect(OccurringWordsRate(words)?.sentence.contains(", 0 wrongly;") == true)
  }

  @Test func defencesOfPicturesAreRefused() throws {
    for defence in ["mixup:1", "instahide:2", "soteria:0.5"] {
      #expect(throws: AttackError.self) {
        _ = try record([5, 6]) { $0.defences = try DefenceChain(defence) }
      }
    }
  }

  /// Numbers are told from the mode: every guess is beside the attack.
  @Test func guessesStandBeside() throws {
    let record = try record([5, 6, 7, 8])
    for example in record.examples {
      #expect(example.baselines.map(\.name) == ["modes and medians", "random draws"])
      #expect(
        example.baselines.allSatisfy { $0.score.value < 1 && $0.measures["exact"]?.value == 0 })
      #expect(example.measure("cells") == 1 && example.measure("integer") == 1)
    }
  }

  @Test func noiseLeavesNoCertificate() throws {
    let record = try record([5, 6, 7, 8]) {
      $0.defences = try DefenceChain("gaussian:1e-2")
      $0.attack.timeLimit = 2
    }
    #expect(record.nearMisses == nil && LeakProof(record) == nil)
    #expect(record.isCertain == false && (record.relativeDistance?.value ?? 0) > 1e-6)
    #expect(record.examples.allSatisfy { $0.level != .full })
  }

  @Test(arguments: [
    (#"{"data": {"rows": ["1"]}}"#, "data.table is missing"),
    (#"{"data": {"pictures": ["a"], "table": {"file": "t"}}}"#, "data.table is of rows"),
    (#"{"data": {"rows": ["1"], "table": {"path": "t"}}}"#, "is no key"),
    (
      #"{"data": {"rows": ["1"], "table": {"file": "t"}, "labels": [1]}}"#,
      "data.labels is not for rows"
    ),
    (
      #"{"data": {"rows": ["1"], "table": {"file": "t"}}, "model": {"size": 8}}"#,
      "model.size is not"
    ),
  ]) func whatDoesNotGoWithRowsIsRefused(_ json: String, _ words: String) {
    #expect { _ = try experiment(json) } throws: { "\($0)".contains(words) }
  }

  @Test(arguments: ["0", "241", "x", ""]) func rowsMustBeThere(_ row: String) throws {
    var experiment = try experiment(#"{"data": {"rows": [], "table": {"file": "patients"}}}"#)
    experiment.data.examples = [row]
    #expect { _ = try experiment.run(on: backend) } throws: { "\($0)".contains("240 rows") }
  }

  @Test func numbersAreNoClasses() throws {
    #expect {
      _ = try record([1]) { $0.data.table?.label = "age" }
    } throws: { "\($0)".contains("numbers go with mse") }
    let told = try record([1]) {
      $0.data.table?.label = "age"
      $0.loss.kind = .meanSquaredError
    }
    #expect(told.examples.map(\.level) == [.full] && told.isCertain == true)
  }

  @Test func theReportMarksCells() throws {
    let record = try record([9, 10])
    let report = Report(ReportInput(records: [record], folder: nil, path: "run.json"))
    let page = try report.text(.html)
    #expect(page.contains("row-9") && page.contains("Marked cells leaked"))
    #expect(page.contains("modes and medians"))
    let csv = try #require(RecoveredRows([record])).csv
    #expect(csv.hasPrefix("age,sex,town,") && csv.split(separator: "\n").count == 3)
  }
}
