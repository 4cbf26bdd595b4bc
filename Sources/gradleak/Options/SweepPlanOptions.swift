import ArgumentParser
import Audit
import Defences
import Foundation
import ModelIO
import TensorGraph

/// What a sweep runs: a plan in a file, built in, or of options.
struct SweepPlanOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Plan in YAML.", valueName: "plan"), completion: .yaml)
  var plan: String?

  @Option(
    help: ArgumentHelp(
      "A plan that is built in: \(SweepPlan.presetNames.joined(separator: ", ")).",
      valueName: "name"), completion: .list(SweepPlan.presetNames))
  var preset: String?

  @Option(
    name: .customLong("defence"),
    help: ArgumentHelp("A defence to try; repeat for more.", valueName: "spec"),
    completion: .defences)
  var defences: [String] = []

  @Option(
    name: .customLong("attack"),
    help: ArgumentHelp(
      "An attack or preset to try; repeat for more. (default: auto)", valueName: "name"),
    completion: .attacks)
  var attacks: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Examples that share a gradient; repeat for more.", valueName: "n"))
  var batchSize: [Int] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Height and width of the images; repeat for more.", valueName: "pixels"))
  var size: [Int] = []

  @Option(
    help: ArgumentHelp("Model; see 'gradleak models'.", valueName: "name"), completion: .models)
  var model: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Repeat with this many seeds, from --seed up.", valueName: "n"))
  var seeds: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The first seed.", valueName: "n", visibility: .rare))
  var seed: UInt64?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Starts at most of each attack.", valueName: "n", visibility: .rare))
  var trials: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Iterations at most in each trial.", valueName: "n", visibility: .rare))
  var iterations: Int?

  @Option(
    help: ArgumentHelp("Folder of pictures instead of the bundled ones.", valueName: "folder"),
    completion: .directory)
  var images: String?

  @Option(
    help: ArgumentHelp(
      "A file with one private text a line instead of pictures; --model is then a language model's folder.",
      valueName: "file"), completion: .texts)
  var texts: String?

  @OptionGroup var table: TableFileOptions

  @Option(
    help: ArgumentHelp(
      "With --table: a column that says whose a row is; each update is one client's.",
      valueName: "column", visibility: .rare))
  var by: String?

  @Option(
    help: ArgumentHelp(
      "What computes; see 'gradleak devices'.", valueName: "device", visibility: .rare),
    completion: .list(BackendChoice.allValueStrings))
  var device = BackendChoice.cpu

  func validate() throws {
    if let seeds { try check("--seeds", seeds, 1...100_000) }
    if let trials { try check("--trials", trials, 1...1_000_000) }
    if let iterations { try check("--iterations", iterations, 1...100_000_000) }
    for size in size { try check("--size", size, 1...8192) }
    for batchSize in batchSize { try check("--batch-size", batchSize, 1...1000) }
    let given = [
      ("--images", images != nil), ("--texts", texts != nil), ("--table", table.file != nil),
    ].filter(\.1).map(\.0)
    guard given.count <= 1 else {
      throw ValidationError("There are \(given.joined(separator: " and ")); give one of them.")
    }
    try table.checkFile()
    guard table.file != nil || by == nil else {
      throw ValidationError("--by is of a table; give its file with --table.")
    }
    guard table.file == nil || size.isEmpty else {
      throw ValidationError("--size is of pictures, and rows have none; leave it out.")
    }
    guard plan == nil || preset == nil else {
      throw ValidationError("There is a plan and a --preset; give one of them.")
    }
  }

  /// The runs and their data; of no plan, none.
  ///
  /// A model or activation that does not exist, or a defence that cannot act, is found out here, before anything runs.
  func tasks() throws -> PlannedSweep {
    let plan = try chosenPlan()
    let backend = try device.backend(threads: 1)
    let (examples, tasks) = try naming(RowExperiments.options) {
      let examples = try plan.map { try SweepExamples(of: $0) } ?? SweepExamples()
      let tasks = try plan?.tasks(of: examples) ?? []
      try SweepTask.check(tasks, examples, backend: backend)
      return (examples, tasks)
    }
    return PlannedSweep(
      tasks: tasks, examples: examples, backend: backend, isPlanned: plan != nil)
  }

  /// The same plan as words of a command line.
  var words: [String] {
    func option(_ name: String, _ value: (some CustomStringConvertible)?) -> [String] {
      value.map { [name, $0.description] } ?? []
    }
    return [plan].compactMap(\.self) + option("--preset", preset)
      + defences.flatMap { ["--defence", $0] } + attacks.flatMap { ["--attack", $0] }
      + batchSize.flatMap { ["--batch-size", String($0)] }
      + size.flatMap { ["--size", String($0)] }
      + option("--model", model) + option("--seeds", seeds) + option("--seed", seed)
      + option("--trials", trials) + option("--iterations", iterations)
      + option("--images", images) + option("--texts", texts) + option("--table", table.file)
      + option("--label", table.columns.label) + option("--schema", table.columns.schema)
      + table.columns.ignore.flatMap { ["--ignore", $0] } + option("--by", by)
      + (device == .cpu ? [] : ["--device", device.defaultValueDescription])
  }

  /// The plan of the file, preset or options; nil when there is none.
  private func chosenPlan() throws -> SweepPlan? {
    var chosen: SweepPlan
    if let plan {
      chosen = try SweepPlan.read(contentsOf: plan)
    } else if let preset {
      guard let known = try SweepPlan.preset(named: preset) else {
        throw ValidationError(
          "There is no preset called \(preset.quotedForMessage); the presets are "
            + SweepPlan.presetNames.joined(separator: ", ") + ".")
      }
      chosen = known
    } else if defences.isEmpty && attacks.isEmpty && batchSize.isEmpty && size.isEmpty
      && texts == nil && table.file == nil
    {
      return nil
    } else {
      chosen = SweepPlan(groups: [SweepPlan.Group()])
    }
    for index in chosen.groups.indices { try override(&chosen.groups[index]) }
    if images != nil || texts != nil || table.file != nil {
      (chosen.imageFolder, chosen.textFile, chosen.table) = (images, texts, table.choice)
      chosen.table?.clients = by
    }
    return chosen
  }

  /// What was given as an option counts instead of what the plan says.
  private func override(_ group: inout SweepPlan.Group) throws {
    if !defences.isEmpty {
      group.defences = try defences.map { text in
        do throws(DefenceError) {
          return try DefenceChain(text)
        } catch {
          throw ValidationError("--defence: \(error.message).")
        }
      }
    }
    if !attacks.isEmpty { group.attacks = try attacks.map { try SweepAttack($0) } }
    if !batchSize.isEmpty { group.batchSizes = batchSize }
    if !size.isEmpty { group.sizes = size }
    if let model { group.model = model }
    if let seeds { group.seeds = seeds }
    if let seed { group.firstSeed = seed }
    if let trials { group.trials = trials }
    if let iterations { group.iterations = iterations }
  }
}

/// What is to be run.
struct PlannedSweep {
  let tasks: [SweepTask]
  let examples: SweepExamples
  /// Of one thread, for any number of runs.
  let backend: any Backend
  /// Whether there is a plan at all.
  let isPlanned: Bool
}
