import ArgumentParser
import Attacks
import Clients
import Foundation
import ModelIO
import TensorGraph
import Texts

/// What `--attack` names: an attack of the catalogue, on pictures or texts.
struct AttackChoice: ExpressibleByArgument {
  let name: String

  init?(argument: String) {
    guard AttackChoice.names.contains(argument) else { return nil }
    name = argument
  }

  /// For errors, and for the help where it has room.
  static var allValueStrings: [String] { HelpLevel.isBrief ? [] : names }

  static var names: [String] {
    let texts = AttackCatalog.texts.map(\.name.rawValue)
    return AttackCatalog.names + texts.filter { !AttackCatalog.names.contains($0) }
  }

  /// The attack on pictures.
  ///
  /// - Throws: ``ValidationError`` where it is one on texts.
  func attack() throws -> any Attack {
    guard let attack = try? AttackCatalog.attack(named: name) else {
      throw ValidationError("--attack \(name) reads texts; give some with --text or --texts.")
    }
    return attack
  }
}

extension Pooling: ExpressibleByArgument {}

extension Precision: ExpressibleByArgument {
  /// For the help of options.
  public static let allValueDescriptions = ["f32": "fast", "f64": "exact to many more digits"]
}

extension Activation: ExpressibleByArgument {}

/// How to attack.
struct AttackOptions: ParsableArguments {
  @Option(
    name: .customLong("attack"),
    help: ArgumentHelp(
      "See 'gradleak attacks'. (default: auto; in the demo: dlg)",
      valueName: "name"), completion: .list(AttackChoice.names))
  var choice: AttackChoice?

  @Option(
    name: .customLong("plan"),
    help: ArgumentHelp(
      "A JSON file with an optimisation attack of your own: what differs from the default plan.",
      valueName: "file", visibility: .rare), completion: .json)
  var planFile: String?

  @Option(
    name: .customLong("set"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Changes the plan, for instance prior.totalVariation=0.01; may be repeated.",
      valueName: "key=value", visibility: .rare))
  var settings: [String] = []

  @Option(
    help: ArgumentHelp(
      "A picture to start a plan's search from.", valueName: "image", visibility: .rare),
    completion: .pictures)
  var start: String?

  @Option(
    name: .customLong("precision"),
    help: ArgumentHelp(
      "Arithmetic. (default: f64, or the plan's)", valueName: "type", visibility: .rare))
  var chosenPrecision: Precision?

  // Numbers are taken as they come, so that "--trials -3" is a number out of range.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seed of weights, labels and dummy data.", valueName: "n", visibility: .rare)
  )
  var seed: UInt64 = 0

  @Option(
    name: .customLong("trials"), parsing: .unconditional,
    help: ArgumentHelp(
      "Starts at most; the best is kept. (default: 5, or the plan's)", valueName: "n",
      visibility: .rare))
  var chosenTrials: Int?

  @Option(
    name: .customLong("iterations"), parsing: .unconditional,
    help: ArgumentHelp(
      "Iterations at most in each trial. (default: 6000, or the plan's)", valueName: "n",
      visibility: .rare))
  var chosenIterations: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Stop when the matching loss, relative to the squared norm of the gradient, is this small.",
      valueName: "x", visibility: .rare))
  var threshold = AttackConfiguration().solvedBelow

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Seconds at most on each update, for all attacks and trials together; what was found by then is kept.",
      valueName: "seconds"))
  var timeLimit: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Pictures in the strip of snapshots; 0 for none.", valueName: "n", visibility: .rare))
  var snapshots = AttackConfiguration().snapshots

  /// What was asked for; nil for the command's own choice.
  var chosenAttack: AttackName? {
    if planFile != nil || isChanged { return .plan }
    return choice.flatMap { choice in
      (try? choice.attack()).map { AttackConfiguration.statement(of: $0).attack }
    }
  }

  /// - Throws: ``AttackError`` when the plan is not right.
  func configuration(
    _ attack: AttackName, by threat: AttackerOptions, seed: UInt64
  ) throws -> AttackConfiguration {
    _ = try choice?.attack()
    var configuration = AttackConfiguration(attack, defaultsOf: try plan())
    configuration.precision = chosenPrecision ?? configuration.precision
    configuration.seed = seed
    configuration.trials = chosenTrials ?? configuration.trials
    configuration.iterations = chosenIterations ?? configuration.iterations
    configuration.solvedBelow = threshold
    configuration.timeLimit = timeLimit
    configuration.snapshots = snapshots
    try threat.add(to: &configuration)
    return configuration
  }

  /// How texts are attacked.
  ///
  /// - Throws: ``ValidationError`` for options that are for pictures alone.
  func textConfiguration(by threat: AttackerOptions) throws -> AttackConfiguration {
    let usual = AttackConfiguration()
    for (option, isGiven) in [
      ("--plan", planFile != nil), ("--set", !settings.isEmpty), ("--start", start != nil),
      ("--trials", chosenTrials != nil), ("--threshold", threshold != usual.solvedBelow),
      ("--snapshots", snapshots != usual.snapshots),
    ] where isGiven {
      throw ValidationError("\(option) is for pictures; leave it out.")
    }
    let attack = try TextAttackKind(named: choice?.name ?? AttackName.automatic.rawValue)
    var configuration = AttackConfiguration(attack)
    configuration.precision = chosenPrecision ?? configuration.precision
    configuration.seed = seed
    configuration.iterations = chosenIterations ?? configuration.iterations
    configuration.timeLimit = timeLimit
    try threat.add(to: &configuration)
    return configuration
  }

  /// The plan of the file or preset with the settings; nil for other attacks.
  private func plan() throws -> OptimizationPlan? {
    var plan: OptimizationPlan
    if let planFile {
      plan = OptimizationPlan()
      plan.name = URL(fileURLWithPath: planFile).deletingPathExtension().lastPathComponent
      let json = try InputFile.bytes(
        at: planFile, expected: "a plan in JSON", limit: PlanDocument.largestSize)
      plan = try PlanDocument(json: json, source: planFile).applied(to: plan)
    } else if isChanged {
      guard let preset = (try choice?.attack() as? PlanAttack)?.plan else {
        throw ValidationError(
          "--set and --start change an optimisation plan; name a preset with --attack, or a file "
            + "with --plan.")
      }
      plan = preset
    } else {
      return choice.flatMap { choice in
        (try? choice.attack()).flatMap { AttackConfiguration.statement(of: $0).plan }
      }
    }
    if start != nil { plan.initialization.kind = .given }
    for setting in settings { plan = try PlanDocument(setting: setting).applied(to: plan) }
    return plan
  }

  private var isChanged: Bool { !settings.isEmpty || start != nil }

  func validate() throws {
    if planFile != nil, choice != nil {
      throw ValidationError("--plan and --attack exclude each other; leave one out.")
    }
    _ = try plan()
    if let chosenTrials { try check("--trials", chosenTrials, 1...1_000_000) }
    if let chosenIterations { try check("--iterations", chosenIterations, 1...100_000_000) }
    try check("--snapshots", snapshots, 0...100)
    guard threshold >= 0, threshold.isFinite else {
      throw ValidationError("--threshold is \(threshold); give a number of 0 or more.")
    }
    if let timeLimit, !(timeLimit > 0 && timeLimit.isFinite) {
      throw ValidationError("--time-limit is \(timeLimit); give a number of seconds above 0.")
    }
  }
}
