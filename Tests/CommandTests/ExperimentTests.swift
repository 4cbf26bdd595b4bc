import Attacks
import Audit
import Clients
import Defences
import Foundation
import ModelIO
import Solvers
import TensorGraph
import TestSupport
import Testing
import Texts

@testable import gradleak

/// Experiments as values: their file, their command line, and runs of both.
struct ExperimentTests {
  let folder = TestFolder()

  /// Every experiment is the one that its command line asks for, and that its file describes.
  @Test func commandLinesAndFilesSayEverything() throws {
    var source = RandomSource(seed: 18)
    for index in 0..<2000 {
      let experiment = try randomExperiment(&source)
      let line = ExperimentCommandLine([experiment])
      try #require(line.arguments.first == "reconstruct")
      let parsed: [Experiment]
      do {
        let command = try ReconstructCommand.parse(Array(line.arguments.dropFirst()))
        parsed = try command.experiments(on: try command.selection.select())
      } catch {
        Issue.record("\(index): \(line.arguments.joined(separator: " ")): \(error)")
        return
      }
      try #require(parsed == [experiment], "\(index): \(line.arguments.joined(separator: " "))")
      let json = Array(try ResultWriter.json(experiment).utf8)
      try #require(try Experiment(json: json, path: "e.json") == experiment)
    }
  }

  /// The same of experiments on texts.
  @Test func commandLinesOfTextsSayEverything() throws {
    var source = RandomSource(seed: 19)
    let runner = try TextCommand.parse(["--model", "tiny-bert", "--text", "a"]).runner()
    for index in 0..<1000 {
      let experiment = try randomTextExperiment(&source)
      try experiment.check()
      let line = ExperimentCommandLine([experiment])
      try #require(line.arguments.first == "text" && line.unsaid.isEmpty)
      let parsed: [Experiment]
      do {
        parsed = try TextCommand.parse(Array(line.arguments.dropFirst())).experiments(on: runner)
      } catch {
        Issue.record("\(index): \(line.arguments.joined(separator: " ")): \(error)")
        return
      }
      try #require(parsed == [experiment], "\(index): \(line.arguments.joined(separator: " "))")
      let json = Array(try ResultWriter.json(experiment).utf8)
      try #require(try Experiment(json: json, path: "e.json") == experiment)
    }
  }

  /// dlg and idlg are stated by their names, unless something of their plans is set.
  @Test(arguments: ["dlg", "idlg"])
  func plansOfOldNamesAreStatedAsPlans(_ name: String) throws {
    let text =
      #"{"data": {"pictures": ["coffee"], "labels": [1]}, "attack": {"attack": "\#(name)", "plan": {}}}"#
    let experiment = try Experiment(json: Array(text.utf8), path: "e.json")
    #expect(experiment.attack.attack == .plan && experiment.attack.attackName == name)
    let line = ExperimentCommandLine([experiment])
    let command = try ReconstructCommand.parse(Array(line.arguments.dropFirst()))
    #expect(try command.experiments(on: try command.selection.select()) == [experiment])
  }

  @Test func aFileRunsAsItsCommandLine() throws {
    let line = "reconstruct coffee --size 8 --seed 3 --defence prune:0.2 --iterations 20 --trials 1"
    let reference = try run(line + " --out a")
    #expect(reference.status == 0, "\(reference.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("a/run.json")).first)
    try AtomicFile.write(ResultWriter.json(try #require(record.experiment)), to: folder("e.json"))
    let again = try run("run e.json --out b")
    #expect(again.status == 0, "\(again.errors)")
    for name in ["run.json", "coffee-reconstruction.png", "contact-sheet.png", "trace.csv"] {
      #expect(bytes(of: folder("a/\(name)")) == bytes(of: folder("b/\(name)")), "\(name)")
    }
  }

  /// What a file leaves out has its default.
  @Test func shortFilesAreCompleted() throws {
    let text = """
      {"data": {"pictures": ["coffee"]}, "model": {"size": 8}, "attack": {"attack": "modern", "seed": 7}}
      """
    let experiment = try Experiment(json: Array(text.utf8), path: "e.json")
    let modern = try AttackPresets.preset(named: "modern").plan
    #expect(experiment.attack.plan == modern && experiment.attack.iterations == modern.iterations)
    #expect(experiment.attack.seed == 7 && experiment.defences == .none && experiment.isAdaptive)
    let command = try ReconstructCommand.parse(
      "coffee --size 8 --attack modern --seed 7".split(separator: " ").map(String.init))
    let labelled = try experiment.runner(on: ReferenceInterpreter()).labelled(experiment)
    #expect(try command.experiments(on: try command.selection.select()) == [labelled])
  }

  /// Records come from anywhere, and their experiments are printed as command lines.
  @Test func impossibleExperimentsOfRecordsAreRefused() throws {
    let first = try run("reconstruct coffee --size 8 --iterations 2 --trials 1 --out out")
    #expect(first.status == 0, "\(first.errors)")
    let text = String(decoding: bytes(of: folder("out/run.json")), as: UTF8.self)
    #expect(text.contains("\"count\" : 1"))
    try AtomicFile.write(
      text.replacing("\"count\" : 1", with: "\"count\" : 0"), to: folder("out/run.json"))
    let report = try BuiltTool.run(["report", "out", "--out", "r.html"], in: folder.path)
    #expect(report.status == 2 && report.errors.contains("client.count is 0"), "\(report.errors)")
  }

  @Test(arguments: [
    (#"{"dta": {}}"#, "\"dta\" is no key of an experiment; did you mean data?"),
    (#"{"model": {"wdth": 3}}"#, "\"model.wdth\" is no key of an experiment; did you mean width?"),
    (#"{"version": 99}"#, "version 99"),
    (#"{"attack": {"attack": "modren"}}"#, "did you mean modern?"),
    (#"{"attack": {"attack": "modern", "plan": {"itrations": 3}}}"#, "did you mean iterations?"),
    (#"{"defences": "prun:0.3"}"#, "did you mean prune?"),
    (#"{"mode": "trainig"}"#, "mode is \"trainig\"; did you mean training?"),
    (#"{"attack": {"unknown": ["label"]}}"#, "did you mean labels?"),
    (#"{"data": {"pictures": ["coffee"]}, "model": {"name": "lenett"}}"#, "did you mean lenet?"),
    (#"{"data": {"pictures": ["coffee"]}, "model": {"size": "8"}}"#, "model.size"),
    (#"{"data": {"pictures": ["coffee"], "labels": [1, 2]}}"#, "data.labels has 2 of them"),
    (#"{"data": {"pictures": ["coffee"]}, "client": {"epochs": 2}}"#, "client.learningRate"),
    (
      #"{"data": {"pictures": ["coffee"]}, "defences": "dp-sgd:1,1", "client": {"miniBatch": 1, "learningRate": 1, "epochs": 2}}"#,
      "DP-SGD"
    ),
    (#"{"data": {"pictures": ["none.png"]}}"#, "none.png"),
    (
      #"{"data": {"update": {"file": "g", "batchSize": 9000000000000000000}}, "client": {"count": 200}}"#,
      "data.update.batchSize"
    ),
    (#"{"data": {"pictures": ["coffee"]}, "client": {"count": 0}}"#, "client.count is 0"),
    (#"{"data": {"pictures": ["coffee"]}, "start": "coffee.png"}"#, "start is for"),
    (
      #"{"data": {"pictures": ["coffee"]}, "attack": {"attack": "auto", "plan": {"iterations": 3}}}"#,
      "auto is none"
    ),
    ("{}", "data has neither pictures nor an update"),
    (#"{"data": {}, "data": {}}"#, "twice"), ("[1", "JSON"), ("[]", "e.json"),
  ])
  func wrongFilesAreRefused(_ text: String, _ part: String) throws {
    try AtomicFile.write(text, to: folder("e.json"))
    let run = try run("run e.json --out out")
    #expect(run.status == 2 && run.errors.contains(part), "\(run.errors)")
    #expect(run.errorLines.count == 1, "\(run.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder("out")))
  }

  private func run(_ line: String) throws -> ToolRun {
    try BuiltTool.run(
      line.split(separator: " ").map(String.init) + ["--quiet", "--threads", "1"], in: folder.path)
  }
}

// MARK: - Any experiment

private func randomExperiment(_ source: inout RandomSource) throws -> Experiment {
  func one<Value>(_ values: [Value]) -> Value { values[source.integer(below: values.count)] }
  func maybe<Value>(_ value: @autoclosure () throws -> Value) rethrows -> Value? {
    source.integer(below: 3) == 0 ? try value() : nil
  }
  func number() -> Double { Double(source.integer(below: 1_000_000)) / 777 + 1e-7 }
  var experiment = Experiment()
  experiment.model = ModelChoice(
    name: source.integer(below: 20) == 0 ? "convnet" : one(["lenet", "mlp"]))
  experiment.model.activation = maybe(one(Activation.allCases))
  experiment.model.classes = maybe(2 + source.integer(below: 9))
  experiment.model.width = maybe(4 + source.integer(below: 4))
  if experiment.model.name == "mlp" { experiment.model.depth = maybe(2) }
  if source.integer(below: 2) == 0 {
    experiment.model.size = maybe(8 * (2 + source.integer(below: 3)))
  } else {
    experiment.model.inputShape = maybe([3, 8 * (2 + source.integer(below: 3)), 16])
  }
  experiment.model.mean = maybe([number(), number(), number()])
  experiment.model.deviation = maybe([number()])
  experiment.mode = one(ForwardMode.allCases)
  experiment.loss.reduction = one([.mean, .sum])
  experiment.loss.scale = one([1, number()])
  experiment.loss.labelSmoothing = one([0, 0.125])
  experiment.client.count = one([1, 1, 2, 3])
  let ofEach = one([1, 2, 4])
  if let epochs = maybe(1 + source.integer(below: 3)) {
    experiment.client.epochs = epochs
    experiment.client.miniBatch = maybe(1 + source.integer(below: 3))
    experiment.client.learningRate = number()
    experiment.client.steps = randomSteps(&source)
    experiment.client.shufflesEpochs = epochs > 1 && source.integer(below: 2) == 0
  }
  let count = ofEach * experiment.client.count
  experiment.data.readAs = one(PictureReading.allCases)
  if source.integer(below: 4) == 0 {
    experiment.data.update = UpdateChoice(
      // Weights are read with the model; see LocalStepsTests.
      file: one(["g.safetensors", "a b/'c'.safetensors"]), kind: one([.gradient, .difference]),
      batchSize: ofEach)
    experiment.data.pictures = one([true, false]) ? (0..<count).map { "truth \($0).png" } : []
  } else {
    experiment.data.pictures = (0..<count).map { _ in
      one(BundledImages.names + ["it's.png", "b c"])
    }
    experiment.defences = try DefenceChain(
      one(["none", "none", "prune:0.3+fp16", "gaussian:0.001", "qsgd:64", "clip:0.5"]))
    experiment.isAdaptive = experiment.defences.isEmpty || one([true, false])
  }
  let labels = (0..<count).map { _ in ExampleLabel(String(source.integer(below: 2))) }
  experiment.data.labels = experiment.data.update == nil ? labels : maybe(labels)
  experiment.attack = try randomAttack(&source)
  if experiment.attack.plan?.initialization.kind == .given { experiment.start = "start.png" }
  return experiment
}

private func randomTextExperiment(_ source: inout RandomSource) throws -> Experiment {
  func one<Value>(_ values: [Value]) -> Value { values[source.integer(below: values.count)] }
  func maybe<Value>(_ value: @autoclosure () throws -> Value) rethrows -> Value? {
    source.integer(below: 3) == 0 ? try value() : nil
  }
  var experiment = Experiment()
  experiment.data = ExperimentData(.texts)
  experiment.model = ModelChoice(name: one(["tiny-bert", "mini lm", "m.onnx"]))
  if experiment.model.isTextFile {
    experiment.model.tokenizer = "a folder"
  } else {
    experiment.model.head = maybe(one(["classification", "mlm", "lm"]))
    experiment.model.classes = maybe(1 + source.integer(below: 9))
  }
  experiment.client.count = one([1, 1, 2])
  experiment.client.freezesEmbeddings = one([true, false])
  if let epochs = maybe(1 + source.integer(below: 3)) {
    experiment.client.epochs = epochs
    experiment.client.learningRate = 0.25
    experiment.client.steps = randomSteps(&source)
    experiment.client.shufflesEpochs = epochs > 1 && one([true, false])
  }
  let count = one([1, 2, 4]) * experiment.client.count
  if source.integer(below: 4) == 0 {
    experiment.data.update = UpdateChoice(
      file: "g.safetensors", kind: one(UpdateKind.allCases),
      batchSize: count / experiment.client.count)
    if experiment.data.update?.kind == .weights { experiment.model.weights = "w.pt" }
    experiment.data.update?.noiseVariance = maybe(0.5)
    experiment.model.adapter = maybe("peft")
    experiment.model.renamings = maybe(["a=b", "c=d"])
  } else {
    experiment.data.examples = (0..<count).map { _ in
      one(["call me back", "--text it's 5 o'clock", "a = b", "-x"])
    }
    experiment.data.labels = experiment.data.examples.map { _ in
      ExampleLabel(String(source.integer(below: 2)))
    }
    experiment.client.adapterRank = maybe(1 + source.integer(below: 8))
    experiment.defences = try DefenceChain(one(["none", "prune:0.3+fp16", "gaussian:0.001"]))
    experiment.isAdaptive = experiment.defences.isEmpty || one([true, false])
  }
  experiment.attack = AttackConfiguration(one(TextAttackKind.allCases))
  experiment.attack.precision = one(Precision.allCases)
  experiment.attack.seed = one([0, 7, .max])
  if one([true, false]) { experiment.attack.iterations = 1 + source.integer(below: 999) }
  experiment.attack.timeLimit = maybe(2.5)
  experiment.attack.attacker = maybe(.neighbour)
  experiment.attack.unknown = maybe(one([[.weights], [.labels, .textLengths]]))
  if ["auto", "lamp"].contains(experiment.attack.attack.rawValue) {
    experiment.prior = maybe("gpt2")
  }
  return experiment
}

private func randomSteps(_ source: inout RandomSource) -> StepChoice {
  func one<Value>(_ values: [Value]) -> Value { values[source.integer(below: values.count)] }
  var steps = StepChoice()
  steps.optimizer = one([.sgd] + OptimizerCatalog.names)
  let taken = (try? ClientOptimizer(steps.optimizer))?.takenSettings ?? []
  for setting in taken where one([true, false]) {
    steps[setting] = setting.isFlag ? 1 : one([0.125, 1e-3])
  }
  if steps[.momentum] == 0 { steps[.nesterov] = 0 }
  steps.schedule = one([
    .constant, .constant, .step(size: 3, factor: 0.5), .cosine(steps: 7, least: 0.25),
    .linear(steps: 9, warmUp: 2),
  ])
  steps.accumulate = one([1, 1, 3])
  if one([true, false]) {
    steps.clipNorm = one([nil, 0.5])
  } else {
    steps.clipValue = one([nil, 1e-4])
  }
  steps.proximal = one([0, 0, 0.01])
  if steps.optimizer != .sgd || steps[.momentum] > 0 { steps.state = one([nil, "a state"]) }
  return steps
}

private func randomAttack(_ source: inout RandomSource) throws -> AttackConfiguration {
  func one<Value>(_ values: [Value]) -> Value { values[source.integer(below: values.count)] }
  var attack = AttackConfiguration()
  if source.integer(below: 2) == 0 {
    attack.attack = one(
      AttackCatalog.all.map { AttackConfiguration.statement(of: $0).attack }.filter { $0 != .plan })
  } else {
    var plan = one(
      // Pictures have no columns.
      AttackCatalog.all.compactMap { AttackConfiguration.statement(of: $0).plan }
        .filter { $0.inputs == .free })
    if one([true, false]) {
      plan.prior.totalVariation.weight = 0.001 * Double(1 + source.integer(below: 9))
      plan.trials = 3
      plan.objective.parameters = ["fc", "conv.1"]
    }
    if source.integer(below: 5) == 0 { plan.initialization.kind = .given }
    attack.attack = .plan
    attack.plan = plan
    attack.precision = plan.precision
    attack.trials = plan.trials
    attack.iterations = plan.iterations
  }
  if one([true, false]) { attack.precision = one(Precision.allCases) }
  if one([true, false]) { attack.trials = 1 + source.integer(below: 9) }
  if one([true, false]) { attack.iterations = 1 + source.integer(below: 9999) }
  attack.seed = one([0, 7, .max])
  attack.solvedBelow = one([1e-9, 0, 1e-4])
  attack.timeLimit = one([nil, 2.5])
  attack.snapshots = one([10, 0, 3])
  attack.attacker = one([nil, .neighbour])
  attack.unknown = one([nil, [.labels], [.weights, .labels]])
  return attack
}
