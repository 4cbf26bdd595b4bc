import ArgumentParser
import Leakage

extension AttackKind: ExpressibleByArgument {
  public static let allValueDescriptions = [
    "auto": "the best that applies: closed forms, then lm",
    "lm": "labels first, then Levenberg-Marquardt",
    "dlg": "data and labels are sought together",
    "idlg": "the label is read off first, then the data are sought",
    "linear": "closed form, for a fully connected first layer",
    "peeling": "closed form, layer by layer",
    "r-gap": "closed form for a chain without biases and one logit",
    "april": "closed form for a transformer that reads its patches directly",
    "spear": "batches, exactly, through a first layer with ReLU",
  ]
}

extension Precision: ExpressibleByArgument {
  public static let allValueDescriptions = ["f32": "fast", "f64": "exact to many more digits"]
}

extension Activation: ExpressibleByArgument {}

/// How to attack.
struct AttackOptions: ParsableArguments {
  @Option(
    name: .customLong("attack"),
    help: ArgumentHelp(
      "How the data are sought. (default: auto; in the demo: dlg)", valueName: "name"))
  var chosenAttack: AttackKind?

  @Option(help: ArgumentHelp("Arithmetic.", valueName: "type"))
  var precision: Precision = .f64

  // Numbers are taken as they come, so that "--trials -3" is a number out of range.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seed of weights, labels and dummy data.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Starts at most; the best is kept.", valueName: "n"))
  var trials = AttackConfiguration().trials

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Iterations at most in each trial.", valueName: "n"))
  var iterations = AttackConfiguration().iterations

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Stop when the matching loss, relative to the squared norm of the gradient, is this small.",
      valueName: "x"))
  var threshold = AttackConfiguration().solvedBelow

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seconds at most for each attack.", valueName: "seconds"))
  var timeLimit: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Pictures in the strip of snapshots; 0 for none.", valueName: "n"))
  var snapshots = AttackConfiguration().snapshots

  func configuration(_ attack: AttackKind, seed: UInt64) -> AttackConfiguration {
    AttackConfiguration(
      attack: attack, precision: precision, seed: seed, trials: trials, iterations: iterations,
      solvedBelow: threshold, timeLimit: timeLimit, snapshots: snapshots)
  }

  func validate() throws {
    try check("--trials", trials, 1...1_000_000)
    try check("--iterations", iterations, 1...100_000_000)
    try check("--snapshots", snapshots, 0...100)
    guard threshold >= 0, threshold.isFinite else {
      throw ValidationError("--threshold is \(threshold); give a number of 0 or more.")
    }
    if let timeLimit, !(timeLimit > 0 && timeLimit.isFinite) {
      throw ValidationError("--time-limit is \(timeLimit); give a number of seconds above 0.")
    }
  }
}

/// Refuses a number outside its range in one sentence.
func check(_ option: String, _ value: Int, _ range: ClosedRange<Int>) throws {
  guard range.contains(value) else {
    throw ValidationError(
      "\(option) is \(value); give a number from \(range.lowerBound) to \(range.upperBound).")
  }
}
