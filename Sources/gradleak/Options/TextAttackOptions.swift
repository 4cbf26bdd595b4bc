import ArgumentParser
import Attacks
import Audit
import TensorGraph
import Texts

extension TextAttackKind: ExpressibleByArgument {
  /// For the help of options.
  public static var allValueDescriptions: [String: String] { AttackCatalog.texts.summaries }
}

/// How texts are attacked.
struct TextAttackOptions: ParsableArguments {
  @Option(help: ArgumentHelp("How the texts are sought.", valueName: "name"))
  var attack: TextAttackKind = .automatic

  @Option(help: ArgumentHelp("Arithmetic.", valueName: "type", visibility: .rare))
  var precision: Precision = .f32

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seed of fresh weights, labels, masks and dummies.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Iterations of a search.", valueName: "n", visibility: .rare))
  var iterations: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seconds at most for each attack.", valueName: "seconds"))
  var timeLimit: Double?

  func validate() throws {
    if let iterations { try check("--iterations", iterations, 1...10_000_000) }
    if let timeLimit, !(timeLimit > 0 && timeLimit.isFinite) {
      throw ValidationError("--time-limit is \(timeLimit); give a number of seconds above 0.")
    }
  }

  func configuration(by threat: AttackerOptions) throws -> AttackConfiguration {
    var configuration = AttackConfiguration(attack)
    configuration.precision = precision
    configuration.seed = seed
    configuration.iterations = iterations ?? configuration.iterations
    configuration.timeLimit = timeLimit
    try threat.add(to: &configuration)
    return configuration
  }
}
