import ArgumentParser
import Defences

/// What the client does to its update before it shares it.
struct DefenceOptions: ParsableArguments {
  /// The defences, read, and whether the attack answers them.
  struct Choice {
    var chain = DefenceChain.none
    var isAdaptive = true
  }

  @Option(
    name: .customLong("defence"),
    help: ArgumentHelp(
      "What the client does, such as gaussian:1e-2 (a variance) or prune:0.3+fp16. See 'gradleak defences'.",
      valueName: "spec"),
    completion: .defences)
  var defences: [String] = []

  @Flag(
    help: ArgumentHelp(
      "Attack as if the client had no defence; by default the attack knows of it and answers.",
      visibility: .rare))
  var naiveAttack = false

  func validate() throws {
    _ = try choice()
    if naiveAttack, defences.isEmpty {
      throw ValidationError(
        "--naive-attack is about a defence that the attacker does not know; give one with --defence."
      )
    }
  }

  func choice() throws -> Choice {
    do {
      let chains = try defences.map { try DefenceChain($0).defences }
      return Choice(chain: try DefenceChain(chains.flatMap(\.self)), isAdaptive: !naiveAttack)
    } catch let error as DefenceError {
      throw ValidationError("--defence: \(error.message).")
    }
  }
}
