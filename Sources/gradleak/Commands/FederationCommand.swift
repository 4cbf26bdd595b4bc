import ArgumentParser

/// Distributed training as it happens, with somebody looking on.
struct FederationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "federation",
    abstract: "Trains among processes; who could read what.",
    discussion: """
      Starts a server and workers that train together on private pictures, by a parameter server or in a ring, keeps \
      what each party sees, and attacks it. Without a name it is 'federation run'.

      EXAMPLES
        gradleak federation --out scene                      eight workers and a server
        gradleak federation --topology ring --out ring       the same without a server
        gradleak federation worker --connect 10.0.0.5:4711   a worker started by hand
        gradleak federation costs                            what protections cost
        gradleak federation gan --out gan                    a client that learns another's class
      """,
    subcommands: [
      FederationRunCommand.self, FederationWorkerCommand.self, FederationWeakSeedCommand.self,
      FederationGANCommand.self, FederationCostsCommand.self,
    ],
    defaultSubcommand: FederationRunCommand.self)
}
