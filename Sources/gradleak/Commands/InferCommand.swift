import ArgumentParser

/// What an update tells of data that are known, or of all data behind it.
struct InferCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "infer",
    abstract: "Asks a gradient for a record or property of its batch.",
    subcommands: [InferMembershipCommand.self, InferPropertyCommand.self])
}
