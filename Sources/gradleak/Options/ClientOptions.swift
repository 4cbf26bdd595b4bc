import ArgumentParser

/// Of how many clients the attacked update is the mean, and what of them is not known.
struct ClientOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Clients of whose updates the attacker sees the mean only, as behind secure aggregation; each "
        + "has a batch of --batch-size of its own.", valueName: "n", visibility: .rare))
  var clients = 1

  @Flag(
    help: ArgumentHelp(
      "Each client goes through its batch in a new order in each of its --epochs, which the attacker "
        + "does not know.", visibility: .rare))
  var shuffleEpochs = false

  /// - Parameters:
  ///   - count: of examples.
  ///   - noun: for these.
  ///   - batchSize: of each client.
  /// - Throws: ``ValidationError`` when the examples do not go round.
  func checkRound(examples count: Int, _ noun: String, batchSize: Int) throws {
    let round = clients * batchSize
    guard clients > 1, count == 0 || count % round != 0 else { return }
    let needed = (count + round - 1) / round * round
    throw ValidationError(
      "\(count) \(noun) do not go round \(clients) clients with a --batch-size of \(batchSize); "
        + "give \(max(needed, round)) \(noun), or other numbers.")
  }
}
