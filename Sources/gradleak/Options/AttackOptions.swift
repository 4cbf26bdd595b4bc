import ArgumentParser
import Leakage

extension AttackKind: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension Activation: ExpressibleByArgument {}

/// How to attack.
struct AttackOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "auto (the best that applies), lm (Levenberg-Marquardt), dlg (the paper's: data and label "
        + "together), idlg (label first), linear or peeling (closed forms).",
      valueName: "name"))
  var attack: AttackKind = .automatic

  @Option(help: "Arithmetic: f32 (fast) or f64 (exact to many more digits).")
  var precision: Precision = .f64

  @Option(help: "Seed of weights, labels and dummy data.")
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("Starts at most; the best is kept.", valueName: "n"))
  var trials = AttackConfiguration().trials

  @Option(help: ArgumentHelp("Iterations at most in each trial.", valueName: "n"))
  var iterations = AttackConfiguration().iterations

  @Option(
    help: ArgumentHelp(
      "Stop when the matching loss, relative to the squared norm of the gradient, is this small.",
      valueName: "x"))
  var threshold = AttackConfiguration().solvedBelow

  @Option(help: ArgumentHelp("Seconds at most for each attack.", valueName: "seconds"))
  var timeLimit: Double?

  @Option(help: ArgumentHelp("Pictures in the strip of snapshots; 0 for none.", valueName: "n"))
  var snapshots = AttackConfiguration().snapshots

  func configuration(seed: UInt64) -> AttackConfiguration {
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
