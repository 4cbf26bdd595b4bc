import ArgumentParser
import Audit
import Federation
import Foundation
import ModelIO

/// One worker of a federation.
struct FederationWorkerCommand: ParsableCommand, QuietCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker",
    abstract: "Takes part in a federation whose server waits.",
    discussion: """
      The server prints its address and token. Model and data come from the server's plan, and this worker's part of the \
      data with them, unless it has its own with --data.

      EXAMPLES
        GRADLEAK_FEDERATION_TOKEN=3f… gradleak federation worker --connect 127.0.0.1:4711
      """)

  @Option(help: ArgumentHelp("The server's address.", valueName: "host:port"))
  var connect: String

  @Option(
    help: ArgumentHelp(
      "The federation's token; \(WorkerProcesses.tokenVariable) in the environment keeps it from other users' eyes.",
      valueName: "token"))
  var token: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The number that it wants, from 1.", valueName: "n", visibility: .rare))
  var number: Int?

  @Option(
    help: ArgumentHelp(
      "Private data of its own, as --data of the run takes them.", valueName: "name or path",
      visibility: .rare))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "This machine's address for neighbours in a ring.", valueName: "host", visibility: .rare))
  var host = "127.0.0.1"

  @Flag(name: [.customLong("quiet"), .customShort("q")], help: "Show no progress.")
  var isQuiet = false

  func validate() throws {
    if let number { try check("--number", number, 1...1000) }
  }

  func run() throws {
    guard let server = Address(connect) else {
      throw ValidationError(
        "--connect is \(connect.quotedForMessage); give the server's address and port, such as 127.0.0.1:4711."
      )
    }
    guard
      let token = token ?? ProcessInfo.processInfo.environment[WorkerProcesses.tokenVariable],
      !token.isEmpty
    else {
      throw ValidationError(
        "There is no token; copy the one that the server printed into \(WorkerProcesses.tokenVariable) or --token."
      )
    }
    Interruption.listen()
    let member = FederationMember(
      server: server, token: token, worker: number.map { $0 - 1 }, host: host,
      data: try data.map { try FederationOptions.source($0) })
    do {
      try member.run(backend: try BackendChoice.cpu.backend(threads: 1)) { text in
        if !isQuiet { Terminal.printError("gradleak: \(text)") }
      } shouldStop: {
        Interruption.isRequested
      }
    } catch let error as FederationError where error.kind == .stopped {
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
  }
}
