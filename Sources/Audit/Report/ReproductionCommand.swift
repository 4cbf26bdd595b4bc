import Foundation
import Leakage
import ModelIO
import TensorGraph

/// The command line that repeats runs, made from their records alone.
public struct ReproductionCommand: Sendable, Equatable {
  /// All after `gradleak`.
  public let arguments: [String]
  /// What the command cannot know, if anything.
  public let note: String?

  /// The command as it is typed into a shell.
  public var line: String {
    (["gradleak"] + arguments.map(ReproductionCommand.quoted)).joined(separator: " ")
  }

  /// The fewest commands that repeat the records: those that differ in seed or images alone share one
  /// where they can.
  public static func commands(for runs: ReportInput.Runs) -> [ReproductionCommand] {
    var order: [Settings] = []
    var groups: [Settings: [RunRecord]] = [:]
    for record in runs.records {
      let settings = Settings(record)
      if groups[settings] == nil { order.append(settings) }
      groups[settings, default: []].append(record)
    }
    return order.flatMap { settings -> [ReproductionCommand] in
      let records = groups[settings] ?? []
      if let demo = demo(records, settings) { return [demo] }
      var seeds: [UInt64] = []
      for record in records where !seeds.contains(record.configuration.seed) {
        seeds.append(record.configuration.seed)
      }
      return seeds.map { seed in
        reconstruct(
          records.filter { $0.configuration.seed == seed }, settings, folder: runs.folder,
          suffix: Set(runs.records.map(\.configuration.seed)).count > 1 ? "-seed\(seed)" : "")
      }
    }
  }

  /// What the records of one command have in common.
  private struct Settings: Hashable {
    let arguments: [String]
    let batchSize: Int

    init(_ record: RunRecord) {
      arguments =
        ReproductionCommand.modelArguments(record.model)
        + ReproductionCommand.modeArguments(record.threatModel.clientMode)
        + ReproductionCommand.attackArguments(record.configuration)
        + ReproductionCommand.defenceArguments(record.defence)
        + ReproductionCommand.clientArguments(record)
      batchSize = record.images.count / ReproductionCommand.clientCount(record)
    }
  }

  // MARK: - Commands

  /// The demo, where the records are all of its runs.
  private static func demo(_ records: [RunRecord], _ settings: Settings) -> ReproductionCommand? {
    let names = BundledImages.names
    guard settings.batchSize == 1, !records.isEmpty, records.count % names.count == 0 else {
      return nil
    }
    let first = records[0].configuration.seed
    for (index, record) in records.enumerated() {
      let (round, position) = index.quotientAndRemainder(dividingBy: names.count)
      let seed = first &+ UInt64(round)
      guard record.model.classCount > 1 else { return nil }
      var labels = RandomSource(seed: seed).derive(label: "labels")
      for _ in 0..<position { _ = labels.integer(below: record.model.classCount) }
      guard record.configuration.seed == seed, record.images[0].name == names[position],
        record.images[0].labelArgument == String(labels.integer(below: record.model.classCount))
      else { return nil }
    }
    let seeds = records.count / names.count
    return ReproductionCommand(
      arguments: ["demo"] + settings.arguments + ["--seed", String(first)]
        + (seeds > 1 ? ["--seeds", String(seeds)] : []), note: note(records))
  }

  private static func reconstruct(
    _ records: [RunRecord], _ settings: Settings, folder: String?, suffix: String
  ) -> ReproductionCommand {
    let images = records.flatMap(\.images)
    var areAllHere = true
    let pictures = images.map { image -> String in
      let file = "\(image.name)\(suffix)-original.png"
      if let folder, !file.contains("/") {
        let path = ReportInput.path(of: file, in: folder)
        if FileManager.default.fileExists(atPath: path) {
          return path.hasPrefix("-") ? "./" + path : path
        }
      }
      if BundledImages.names.contains(image.name) { return image.name }
      areAllHere = false
      return image.name.hasPrefix("-") ? "./" + image.name : image.name
    }
    let areKnown = images.allSatisfy { !$0.labelArgument.isEmpty }
    let labels =
      areKnown ? ["--labels", images.map(\.labelArgument).joined(separator: ",")] : []
    let seed = records.first.map { String($0.configuration.seed) } ?? "0"
    // Without originals there was a client's file; its name is the pictures'.
    let isClients = !images.isEmpty && images.allSatisfy { !$0.hasTruth }
    let source = isClients ? ["--update", (pictures.first ?? "") + ".safetensors"] : pictures
    return ReproductionCommand(
      arguments: ["reconstruct"] + source + settings.arguments
        + ["--seed", seed] + labels
        + (settings.batchSize > 1 ? ["--batch-size", String(settings.batchSize)] : []),
      note: note(
        records,
        areAllHere || isClients ? [] : ["Give the pictures' own files in place of their names."]))
  }

  private static func note(_ records: [RunRecord], _ more: [String] = []) -> String? {
    let hasGoals = records.contains { $0.trials.contains { $0.reason == .goalReached } }
    let notes =
      more + (records.first.map(notes) ?? [])
      + (hasGoals
        ? ["An audit ends attacks once an image can be recognised; these go on to their end."] : [])
    return notes.isEmpty ? nil : notes.joined(separator: " ")
  }

  // MARK: - Options

  private static func attackArguments(_ configuration: AttackConfiguration) -> [String] {
    let usual = AttackConfiguration()
    var arguments = ["--attack", presetName(configuration) ?? configuration.attack.rawValue]
    func add(_ option: String, _ value: String, unless isUsual: Bool) {
      if !isUsual { arguments += [option, value] }
    }
    // A plan has its own, and what is left out would be the plan's.
    let hasPlan = configuration.plan != nil
    add(
      "--precision", configuration.precision.rawValue,
      unless: configuration.precision == usual.precision && !hasPlan)
    add(
      "--trials", String(configuration.trials),
      unless: configuration.trials == usual.trials && !hasPlan)
    add(
      "--iterations", String(configuration.iterations),
      unless: configuration.iterations == usual.iterations && !hasPlan)
    add(
      "--threshold", "\(configuration.solvedBelow)",
      unless: configuration.solvedBelow == usual.solvedBelow)
    if configuration.attacker == .neighbour { arguments += ["--attacker", "neighbour"] }
    if let unknown = configuration.unknown {
      arguments += ["--unknown", unknown.map(\.name).joined(separator: ",")]
    }
    if let limit = configuration.timeLimit { arguments += ["--time-limit", "\(limit)"] }
    add(
      "--snapshots", String(configuration.snapshots),
      unless: configuration.snapshots == usual.snapshots)
    return arguments
  }

  /// The preset that the plan is; nil for other attacks.
  private static func presetName(_ configuration: AttackConfiguration) -> String? {
    guard let plan = configuration.plan else { return nil }
    return (try? AttackPresets.preset(named: plan.name))?.plan.name ?? plan.name
  }

  /// What of a record no option of these commands says.
  private static func notes(_ record: RunRecord) -> [String] {
    var notes: [String] = []
    if let plan = record.configuration.plan,
      (try? AttackPresets.preset(named: plan.name))?.plan != plan
    {
      notes.append("The plan differs from the preset; give it with --plan, as in the record.")
    }
    if !record.model.weights.hasPrefix("untrained") {
      notes.append("Give the weights \(record.model.weights) with --weights, or the model's file.")
    }
    if record.update.loss != ClientLoss.meanCrossEntropy.description {
      notes.append("Give the client's loss: \(record.update.loss).")
    }
    if record.threatModel.localSteps > 1, let training = record.update.training {
      notes.append("Give the client's training: \(training).")
    }
    if record.images.contains(where: { !$0.hasTruth }) {
      notes.append("Give the client's own file with --update.")
    }
    return notes
  }

  private static func modeArguments(_ mode: ForwardMode) -> [String] {
    mode == .evaluation ? [] : ["--mode", mode.rawValue]
  }

  /// Clients that the batch is divided among; those of secure aggregation are not its own.
  private static func clientCount(_ record: RunRecord) -> Int {
    guard record.defence?.chain.clientCount ?? 1 == 1 else { return 1 }
    return record.threatModel.clients ?? 1
  }

  private static func clientArguments(_ record: RunRecord) -> [String] {
    let count = clientCount(record)
    return count > 1 ? ["--clients", String(count)] : []
  }

  private static func defenceArguments(_ defence: DefenceSummary?) -> [String] {
    guard let defence, !defence.chain.isEmpty else { return [] }
    return ["--defence", defence.chain.description] + (defence.isAdaptive ? [] : ["--naive-attack"])
  }

  /// The options of ``ModelSelection`` that give this model; only its name where it is not built in.
  private static func modelArguments(_ model: ModelSummary) -> [String] {
    var arguments = ["--model", model.name]
    guard let architecture = try? ModelCatalog.architecture(named: model.name) else {
      return arguments
    }
    let usual = architecture.defaults
    if model.activation != usual.activation.rawValue {
      arguments += ["--activation", model.activation]
    }
    if model.classCount != usual.classCount {
      arguments += ["--classes", String(model.classCount)]
    }
    if model.inputShape != usual.inputShape.dimensions, model.inputShape.count == 3 {
      arguments += ["--size", String(model.inputShape[1])]
    }
    if let width = width(of: model, architecture) { arguments += ["--width", String(width)] }
    return arguments
  }

  /// The width that gives the model's number of parameters, which grows with it; nil for its own.
  private static func width(of model: ModelSummary, _ architecture: Architecture) -> Int? {
    guard model.inputShape.count == 3, let activation = Activation(rawValue: model.activation),
      model.inputShape.allSatisfy({ (1...1024).contains($0) }),
      (1...1_000_000).contains(model.classCount)
    else { return nil }
    func parameterCount(_ width: Int?) -> Int? {
      try? architecture.model(
        ModelOptions(
          inputShape: Shape(model.inputShape), classCount: model.classCount,
          activation: activation, width: width)
      ).parameterCount
    }
    guard let usual = parameterCount(nil), usual != model.parameterCount else { return nil }
    var (low, high) = (1, 16_384)
    while low < high {
      let middle = (low + high) / 2
      guard let count = parameterCount(middle) else {
        high = middle
        continue
      }
      if count < model.parameterCount { low = middle + 1 } else { high = middle }
    }
    return parameterCount(low) == model.parameterCount ? low : nil
  }

  /// An argument as a POSIX shell takes it literally.
  private static func quoted(_ argument: String) -> String {
    let harmless = argument.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "_-./,:=+@%".utf8.contains($0)
      }
    }
    guard !harmless || argument.isEmpty else { return argument }
    return "'" + argument.replacing("'", with: "'\\''") + "'"
  }
}
