import Attacks
import CPUBackend
import Clients
import Defences
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Audit

/// Experiments on texts, with the bundled model.
@Suite struct TextExperimentTests {
  private let backend = CPUBackend(CPUBackend.Options(threadCount: 1))
  private let texts = Array(BundledText.privateTexts.prefix(4))

  private func experiment(_ json: String) throws -> Experiment {
    try Experiment(json: Array(json.utf8), path: "e.json")
  }

  private func record(_ change: (inout Experiment) throws -> Void) throws -> RunRecord {
    var experiment = try experiment(#"{"data": {"texts": []}}"#)
    experiment.data.examples = [texts[0]]
    try change(&experiment)
    try experiment.check()
    return try experiment.run(on: backend).record
  }

  @Test func aFileNamesItsKindOfData() throws {
    let read = try experiment(
      #"{"data": {"texts": ["a b"]}, "model": {"head": "mlm"}, "attack": {"attack": "dlg"}}"#)
    #expect(read.data.kind == .texts && read.data.examples == ["a b"] && read.data.pictures == [])
    #expect(read.model.name == BundledText.modelName && read.model.head == "mlm")
    let named = try experiment(#"{"data": {"texts": ["a"]}, "model": {"name": "lenet"}}"#)
    #expect(named.model.name == "lenet")
    // An attack on texts has the defaults of those.
    #expect(read.attack.precision == .f32 && read.attack.iterations == 100)
    let json = try ResultWriter.json(read)
    #expect(json.contains("\"texts\"") && !json.contains("\"pictures\""))
    #expect(try experiment(json) == read)
  }

  @Test func textsComeBack() throws {
    let record = try record { _ in }
    #expect(record.kind == .texts && record.images.isEmpty && record.examples.count == 1)
    #expect(record.examples[0].level == .full && record.isCertain == true)
    #expect(record.threatModel.known.contains(.tokenizer))
    let verdict = LeakageVerdict([record])
    #expect(verdict.grade == .F && verdict.evidence == .attackSucceeded)
    #expect(verdict.sentences[0].hasPrefix("Of the private texts, 1 of 1"))
    // Files hold it as it is.
    let text = try ResultWriter.json([record])
    #expect(try RunRecord.read(bytes: Array(text.utf8), path: "") == [record])
  }

  /// The mean of two clients is a batch of both, where each takes one step.
  @Test func severalClientsAreOneUpdate() throws {
    let record = try record {
      $0.data.examples = Array(texts.prefix(2))
      $0.client.count = 2
    }
    #expect(record.update.batchSize == 2 && record.threatModel.clients == 2)
    #expect(record.examples.allSatisfy { $0.level == .full })
  }

  /// After local steps each client's are followed.
  @Test func severalClientsTakeLocalSteps() throws {
    let record = try record {
      $0.data.examples = Array(texts.prefix(2))
      $0.attack.precision = .f64
      $0.client.count = 2
      $0.client.epochs = 2
      $0.client.learningRate = 1e-3
    }
    #expect(record.update.localSteps == 2 && record.threatModel.known.contains(.clients))
    #expect(record.update.training?.contains("the mean of 2 clients") == true)
    #expect(record.method != nil && record.diagnosis != nil)
  }

  /// What is not granted is not used, and auto says what it left out.
  @Test func factsCanBeWithheld() throws {
    let blind = try record { $0.attack.unknown = [.weights] }
    #expect(blind.method == "bag" && blind.skipped?.map(\.fact) == [.weights, .weights, .weights])
    #expect(blind.threatModel.withheld == [.weights] && blind.isCertain == false)
    // Words in no order are a leak all the same.
    #expect(blind.examples[0].level == .recognisable && blind.examples[0].recovered.isEmpty)
    #expect(LeakageVerdict([blind]).grade == .D)
    for (fact, attack) in [
      (ThreatModel.Fact.weights, "dager"), (.tokenizer, "auto"), (.batchSize, "embedding"),
    ] {
      #expect {
        try record {
          $0.attack.attack = AttackName(rawValue: attack)
          $0.attack.unknown = [fact]
        }
      } throws: {
        "\($0)".contains("needs to know the \(fact.rawValue)")
      }
    }
    // A search that is not told the lengths reads that of a single text from the positions in use.
    let search = try record {
      $0.attack.attack = "dlg"
      $0.attack.iterations = 3
      $0.attack.unknown = [.textLengths]
    }
    #expect(!search.threatModel.known.contains(.textLengths))
    #expect(
      try record {
        $0.attack.attack = "dlg"
        $0.attack.iterations = 3
      }.threatModel.known.contains(.textLengths))
  }

  /// A bag that noise fills with every token tells nothing.
  @Test func aFullBagIsNoLeak() throws {
    let record = try record { $0.defences = try DefenceChain("gaussian:1") }
    #expect(record.examples[0].measure("bagShare").isNaN)
    #expect(record.level(of: record.examples[0]) < .recognisable)
  }

  /// An update beside its truth, and beside another.
  @Test func updatesAreMeasuredByTheirTruth() throws {
    let folder = TestFolder()
    var simulated = try experiment(#"{"data": {"texts": []}}"#)
    simulated.data.examples = [texts[0]]
    let runner = try simulated.runner(on: backend)
    let prepared = try #require(
      try runner.prepare(runner.labelled(simulated), names: nil) as? PreparedTexts)
    try prepared.sharedUpdate().write(to: folder("u.safetensors"))
    func attack(_ truth: [String]) throws -> RunRecord {
      var experiment = simulated
      experiment.data.examples = truth
      experiment.data.update = UpdateChoice(file: folder("u.safetensors"))
      return try experiment.run(on: backend).record
    }
    let right = try attack([texts[0]])
    #expect(right.examples[0].level == .full)
    let unknown = try attack([])
    #expect(unknown.examples[0].recovered == texts[0] && unknown.examples[0].level == nil)
    #expect(unknown.level(of: unknown.examples[0]) == .full)
    // The only text with this update is another one: the truth is not it.
    let wrong = try attack([texts[1]])
    #expect(wrong.doubt == .otherTruth && LeakageVerdict([wrong]).grade == .notShown)
  }

  @Test func auditsFindTheDefenceThatIsEnough() throws {
    var experiment = try experiment(#"{"data": {"texts": []}}"#)
    experiment.data.examples = texts
    let runner = try experiment.runner(on: backend)
    let prepared = try runner.labelled(experiment).divided(into: 1).map {
      try runner.prepare($0, names: nil)
    }
    let result = try LeakageAudit(
      LeakageAudit.Plan(
        experiments: prepared,
        kinds: ["fp16", "prune"].compactMap { name in
          DefenceCatalog.all.first { $0.name == name }
        }, budget: 36_000), runner: runner
    ).run()
    #expect(result.undefended.count == 4 && LeakageVerdict(result.records).grade == .F)
    #expect(result.findings.map(\.defence) == ["fp16", "prune"])
    #expect(result.findings[0].outcome == .leaks)
    #expect(result.defended.allSatisfy { $0.defence?.wireByteCount ?? 0 > 0 })
  }

  @Test func textsAreSwept() throws {
    let folder = TestFolder()
    try AtomicFile.write(texts.joined(separator: "\n\n") + "\n", to: folder("lines.txt"))
    let plan = try SweepPlan(
      yaml: "texts: \(folder("lines.txt"))\ndefences: [none, fp16]\nattacks: [auto, dager]\n"
        + "seeds: 1\nexamples: 2")
    let examples = try SweepExamples(of: plan)
    let tasks = try plan.tasks(of: examples)
    #expect(tasks.count == 8 && tasks.allSatisfy { $0.experiment.data.kind == .texts })
    let store = try SweepStore(path: folder("s.sqlite"))
    try SweepRunner(tasks, examples: examples, store: store) {
      CPUBackend(CPUBackend.Options(threadCount: 1))
    }.run(threads: 1)
    let report = SweepReport(try SweepReport.order(store.entries(), of: tasks))
    #expect(report.cells.count == 4 && report.cells.allSatisfy { $0.kind == "texts" })
    #expect(report.cells[0].leaked == 2 && report.cells[0].medianScore?.value == 1)
    #expect(report.cells[0].guessScore?.value ?? 1 < 0.5)
  }

  /// A run on other weights in the same folder is another run.
  @Test func sweepsTellModelsOfOneFolderApart() throws {
    let folder = TestFolder()
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
      folder.file(name, bundledFile("tiny-text-model/" + name))
    }
    func keys() throws -> [String] {
      var group = SweepPlan.Group()
      group.model = folder.path
      group.seeds = 1
      return try SweepPlan(groups: [group]).tasks(of: SweepExamples(texts: ["a"])).map {
        try $0.key
      }
    }
    let before = try keys()
    #expect(try keys() == before)
    let path = folder("model.safetensors")
    var tensors = try SafetensorsFile(bytes: bytes(of: path), path: path).tensors()
    let name = try #require(tensors.keys.sorted().first)
    let weights = try #require(tensors[name])
    tensors[name] = Tensor(weights.shape, .f32, weights.doubles.map { $0 + 1 })
    try Safetensors.write(tensors, to: path)
    #expect(try keys() != before)
  }

  @Test(arguments: [
    (#"{"data": {"texts": ["a"], "pictures": ["coffee"]}}"#, "give one kind of data"),
    (#"{"data": {"texts": ["a"]}, "model": {"size": 8}}"#, "model.size is for models of images"),
    (#"{"data": {"texts": ["a"]}, "model": {"head": "lmm"}}"#, "did you mean"),
    (#"{"data": {"texts": ["a"]}, "attack": {"attack": "linear"}}"#, "no attack on texts called"),
    (#"{"data": {"texts": ["a"]}, "attack": {"attack": "dlg", "plan": {}}}"#, "attack.plan is for"),
    (#"{"data": {"texts": ["a"]}, "start": "coffee"}"#, "start is for models of images"),
    (#"{"data": {"pictures": ["coffee"]}, "client": {"adapterRank": 3}}"#, "language models"),
    (#"{"data": {"pictures": ["coffee"]}, "model": {"head": "mlm"}}"#, "language models"),
    (#"{"data": {"texts": ["a"]}, "client": {"adapterRank": 0}}"#, "client.adapterRank is 0"),
    (#"{"data": {"texts": ["a"]}, "prior": "x", "attack": {"attack": "dager"}}"#, "lamp alone"),
    (#"{"data": {"texts": ["a"]}, "model": {"name": "m.onnx"}}"#, "needs the tokenizer"),
    (#"{"data": {"tests": ["a"]}}"#, "did you mean texts?"),
  ])
  func wrongExperimentsAreRefused(_ json: String, _ words: String) {
    let error = #expect(throws: FileError.self) { try experiment(json) }
    #expect(error?.problem.contains(words) == true, "\(error?.problem ?? "")")
  }
}
