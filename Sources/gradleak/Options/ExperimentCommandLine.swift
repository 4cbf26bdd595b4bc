import Attacks
import Audit
import Foundation
import ModelIO
import Texts

/// Experiments as command lines of `gradleak reconstruct`, of `gradleak text` where they are on texts, and of
/// `gradleak table` where they are on rows, of `gradleak signal` where they are on signals.
///
/// What it prints is parsed into the same experiments again.
struct ExperimentCommandLine {
  /// All after `gradleak`.
  private(set) var arguments = ["reconstruct"]
  /// What no option says, a sentence each.
  private(set) var unsaid: [String] = []

  /// The fewest commands that repeat experiments: those that differ in nothing but their pictures and labels
  /// share one where their batches are of one size.
  static func commands(for experiments: [Experiment]) -> [ReproductionCommand] {
    var groups: [[Experiment]] = []
    for experiment in experiments {
      let place = groups.firstIndex { $0[0].sharesCommand(with: experiment) }
      if let place { groups[place].append(experiment) } else { groups.append([experiment]) }
    }
    return groups.map { group in
      let line = ExperimentCommandLine(group)
      return ReproductionCommand(
        arguments: line.arguments,
        note: line.unsaid.isEmpty ? nil : line.unsaid.joined(separator: " "))
    }
  }

  /// - Parameter experiments: at least one; all that ``Experiment/sharesCommand(with:)``.
  init(_ experiments: [Experiment]) {
    let experiment = experiments[0]
    guard experiment.data.kind != .texts else {
      addTexts(experiments.map(\.data), of: experiment)
      return
    }
    if experiment.data.kind == .rows {
      addRows(experiments.map(\.data), of: experiment)
    } else if experiment.data.kind == .signals {
      addSignals(experiments.map(\.data), of: experiment)
    } else {
      add(experiments.map(\.data), of: experiment)
    }
    add(experiment.model, of: experiment.data.update)
    add("--mode", experiment.mode.rawValue, unless: experiment.mode == .evaluation)
    add(experiment.loss)
    add(experiment.client)
    add(experiment.attack, startsAt: experiment.start)
    add("--defence", experiment.defences.description, unless: experiment.defences.isEmpty)
    if !experiment.isAdaptive, !experiment.defences.isEmpty { arguments.append("--naive-attack") }
  }

  private mutating func add(_ option: String, _ value: String, unless isUsual: Bool = false) {
    if !isUsual { arguments += [option, value] }
  }

  private mutating func add<Value>(_ option: String, _ value: Value?) {
    if let value { arguments += [option, "\(value)"] }
  }

  private mutating func add(_ data: [ExperimentData], of experiment: Experiment) {
    let pictures = data.flatMap(\.pictures).map { $0.hasPrefix("-") ? "./" + $0 : $0 }
    var batchSize = data[0].pictures.count / experiment.client.count
    if let update = data[0].update {
      batchSize = update.batchSize
      add(update, on: experiment.model)
      if !pictures.isEmpty { arguments += ["--truth"] + pictures }
    } else {
      arguments += pictures
    }
    add("--batch-size", String(batchSize), unless: batchSize == 1)
    let labels = data.flatMap { $0.labels ?? [] }
    add("--labels", labels.map(\.text).joined(separator: ","), unless: labels.isEmpty)
    add("--read-as", data[0].readAs.rawValue, unless: data[0].readAs == .pillow)
    if data.contains(where: { $0.turns != nil }) {
      unsaid.append("Some pictures were mirrored, which no option says.")
    }
    if pictures.contains(where: { !BundledImages.names.contains($0) && !isThere($0) }) {
      unsaid.append("Give the pictures' own files in place of their names.")
    }
  }

  private mutating func add(_ update: UpdateChoice, on model: ModelChoice) {
    switch update.kind {
    case .gradient: add("--update", update.file)
    case .difference: arguments += ["--update", update.file, "--update-kind", update.kind.rawValue]
    case .weights:
      add("--before", model.weights)
      add("--after", update.file)
    }
    add("--seen", update.seen)
  }

  private mutating func addRows(_ data: [ExperimentData], of experiment: Experiment) {
    arguments = ["table"]
    let table = data[0].table ?? TableChoice()
    if let file = table.file { arguments.append(file.hasPrefix("-") ? "./" + file : file) }
    add("--label", table.label)
    add("--schema", table.schema)
    add("--ignore", table.ignored.map { $0.joined(separator: ",") })
    add("--by", table.clients)
    let rows = data.flatMap(\.examples).joined(separator: ",")
    add("--rows", rows, unless: rows.isEmpty)
    var batchSize = data[0].examples.count / experiment.client.count
    if let update = data[0].update {
      batchSize = update.batchSize
      add(update, on: experiment.model)
    }
    add("--batch-size", String(batchSize))
  }

  private mutating func addSignals(_ data: [ExperimentData], of experiment: Experiment) {
    arguments = ["signal"]
    let signal = data[0].signal ?? SignalChoice()
    arguments += data.flatMap(\.examples).map { $0.hasPrefix("-") ? "./" + $0 : $0 }
    add("--length", signal.length)
    add("--channels", signal.channels)
    add("--columns", signal.columns.map { $0.joined(separator: ",") })
    add("--range", signal.range.map(list))
    add("--rate", signal.rate)
    var batchSize = data[0].examples.count / experiment.client.count
    if let update = data[0].update {
      batchSize = update.batchSize
      add(update, on: experiment.model)
    }
    add("--batch-size", String(batchSize), unless: batchSize == 1)
    let labels = data.flatMap { $0.labels ?? [] }
    add("--labels", labels.map(\.text).joined(separator: ","), unless: labels.isEmpty)
  }

  private mutating func addTexts(_ data: [ExperimentData], of experiment: Experiment) {
    arguments = ["text"]
    let (model, client) = (experiment.model, experiment.client)
    add("--model", model.name)
    add("--tokenizer", model.tokenizer)
    add("--head", model.head)
    add("--classes", model.classes)
    add("--adapter", model.adapter)
    if let weights = model.weights, experiment.data.update?.kind != .weights {
      unsaid.append("The model's weights were those of \(weights), which no option says.")
    }
    for rule in model.renamings ?? [] { add("--rename", rule) }
    for text in data.flatMap(\.examples) { arguments.append("--text=\(text)") }
    var batchSize = data[0].examples.count / client.count
    if let update = data[0].update {
      batchSize = update.batchSize
      add(update, on: experiment.model)
      add("--noise", update.noiseVariance)
    }
    add("--batch-size", String(batchSize), unless: batchSize == 1)
    let labels = data.flatMap { $0.labels ?? [] }
    add("--labels", labels.map(\.text).joined(separator: ","), unless: labels.isEmpty)
    add(client)
    if client.freezesEmbeddings { arguments.append("--freeze-embeddings") }
    add("--lora", client.adapterRank)
    add("--prior-model", experiment.prior)
    let usual = (try? TextAttackKind(named: experiment.attack.attack.rawValue)).map {
      AttackConfiguration($0)
    }
    add(experiment.attack, usual: usual ?? AttackConfiguration())
    add("--defence", experiment.defences.description, unless: experiment.defences.isEmpty)
    if !experiment.isAdaptive, !experiment.defences.isEmpty { arguments.append("--naive-attack") }
  }

  private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  private mutating func add(_ model: ModelChoice, of update: UpdateChoice?) {
    add("--model", model.name)
    add("--activation", model.activation?.rawValue)
    add("--classes", model.classes)
    add("--width", model.width)
    add("--depth", model.depth)
    add("--pooling", model.pooling?.rawValue)
    add("--size", model.size)
    add("--input-shape", model.inputShape?.map(String.init).joined(separator: "x"))
    for (name, extent) in (model.extents ?? [:]).sorted(by: { $0.key < $1.key }) {
      add("--shape", "\(name)=\(extent)")
    }
    add("--output", model.output)
    if update?.kind != .weights { add("--weights", model.weights) }
    for rule in model.renamings ?? [] { add("--rename", rule) }
    add("--mean", model.mean.map(list))
    add("--std", model.deviation.map(list))
  }

  private func list(_ numbers: [Double]) -> String {
    numbers.map { "\($0)" }.joined(separator: ",")
  }

  private mutating func add(_ loss: LossChoice) {
    let usual = LossChoice()
    add("--loss", loss.kind.rawValue, unless: loss.kind == usual.kind)
    add("--reduction", loss.reduction.rawValue, unless: loss.reduction == usual.reduction)
    add(
      "--label-smoothing", "\(loss.labelSmoothing)",
      unless: loss.labelSmoothing == usual.labelSmoothing)
    add("--class-weights", loss.classWeights.map(list))
    add("--loss-scale", "\(loss.scale)", unless: loss.scale == usual.scale)
    if loss.keepsSoftmax { arguments.append("--keep-softmax") }
  }

  private mutating func add(_ client: ClientTraining) {
    add("--epochs", client.epochs)
    add("--mini-batch", client.miniBatch)
    add("--learning-rate", client.learningRate)
    add(client.steps)
    add("--clients", String(client.count), unless: client.count == 1)
    if client.shufflesEpochs { arguments.append("--shuffle-epochs") }
  }

  private mutating func add(_ steps: StepChoice) {
    add("--optimizer", steps.optimizer.rawValue, unless: steps.optimizer == .sgd)
    for (setting, value) in steps.given {
      let option = "--" + setting.rawValue.replacing(" ", with: "-")
      if setting.isFlag { arguments.append(option) } else { add(option, value) }
    }
    add("--optimizer-state", steps.state)
    add("--schedule", steps.schedule.description, unless: steps.schedule == .constant)
    add("--accumulate", String(steps.accumulate), unless: steps.accumulate == 1)
    add("--clip-norm", steps.clipNorm)
    add("--clip-value", steps.clipValue)
    add("--proximal", "\(steps.proximal)", unless: steps.proximal == 0)
    add("--weight-precision", steps.weightPrecision?.rawValue)
  }

  private mutating func add(_ attack: AttackConfiguration, startsAt start: String?) {
    let usual = AttackConfiguration(attack.attack, defaultsOf: attack.plan)
    if let plan = attack.plan { add(plan, startsAt: start) }
    add("--start", start)
    add(attack, usual: usual)
  }

  private mutating func add(_ attack: AttackConfiguration, usual: AttackConfiguration) {
    if attack.plan == nil { add("--attack", attack.attack.rawValue) }
    add("--precision", attack.precision.rawValue, unless: attack.precision == usual.precision)
    add("--seed", String(attack.seed))
    add("--trials", String(attack.trials), unless: attack.trials == usual.trials)
    add("--iterations", String(attack.iterations), unless: attack.iterations == usual.iterations)
    add(
      "--threshold", "\(attack.solvedBelow)", unless: attack.solvedBelow == usual.solvedBelow)
    add("--time-limit", attack.timeLimit)
    add("--snapshots", String(attack.snapshots), unless: attack.snapshots == usual.snapshots)
    for attacker in AttackerName.allCases where attacker.attacker == attack.attacker {
      add("--attacker", attacker.rawValue, unless: attacker == .server)
    }
    add("--unknown", attack.unknown?.map(\.name).joined(separator: ","))
  }

  private mutating func add(_ plan: OptimizationPlan, startsAt start: String?) {
    add("--attack", plan.name)
    guard let preset = AttackPresets.all.first(where: { $0.plan.name == plan.name }) else {
      unsaid.append("The plan is no preset; give it with --plan, as in the record.")
      return
    }
    var base = preset.plan
    if start != nil { base.initialization.kind = .given }
    var settings = PlanDocument.settings(making: plan, of: base)
    if settings.isEmpty, start == nil, AttackConfiguration.statement(of: preset).plan == nil {
      // Without a setting the name would state the attack alone.
      settings = ["trials=\(plan.trials)"]
    }
    for setting in settings { add("--set", setting) }
  }
}

extension Experiment {
  /// Whether one command runs both: they differ in pictures and labels alone, and their batches are of one size.
  fileprivate func sharesCommand(with other: Experiment) -> Bool {
    guard data.update == nil, data.examples.count == other.data.examples.count else {
      return false
    }
    var same = other
    same.data = data
    same.data.readAs = other.data.readAs
    return same == self
  }
}
