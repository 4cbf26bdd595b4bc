import Federation
import Foundation
import ModelIO

/// Workers of a federation as processes of their own, which end with the one that started them.
package final class WorkerProcesses {
  /// The environment's variable that hands them the token, which command lines would show to everyone.
  package static let tokenVariable = "GRADLEAK_FEDERATION_TOKEN"

  /// The running program's file.
  ///
  /// - Throws: ``FederationError`` where the system does not tell.
  package static func ownExecutable() throws(FederationError) -> String {
    guard let path = Bundle.main.executablePath else {
      throw FederationError("the program's own file is not known; start workers by hand", .badInput)
    }
    return path
  }

  private var processes: [Process] = []

  /// No process yet.
  package init() {}

  /// Starts workers.
  ///
  /// - Parameters:
  ///   - executable: of this program.
  ///   - arguments: makes those of a worker from its number, from 0.
  /// - Throws: ``FederationError`` when the system starts none.
  package func start(
    _ executable: String, count: Int, token: String, arguments: (Int) -> [String]
  ) throws(FederationError) {
    var environment = ProcessInfo.processInfo.environment
    environment[WorkerProcesses.tokenVariable] = token
    // Each worker has one thread; a library of its own would share the processors out again.
    environment["OPENBLAS_NUM_THREADS"] = "1"
    environment["OMP_NUM_THREADS"] = "1"
    for worker in 0..<count {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: executable)
      process.arguments = arguments(worker)
      process.environment = environment
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      do {
        try process.run()
      } catch {
        end(after: 0)
        throw FederationError(
          "worker \(worker + 1) cannot be started: \(error.localizedDescription)", .badInput)
      }
      processes.append(process)
    }
  }

  /// The workers' process identifiers, in their order.
  package var identifiers: [Int32] { processes.map(\.processIdentifier) }

  /// The numbers, from 0, of workers that have ended.
  package var ended: [Int] { processes.indices.filter { !processes[$0].isRunning } }

  /// Waits for the workers to end; kills those that have not by then.
  package func end(after seconds: Double) {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline, processes.contains(where: \.isRunning) {
      Thread.sleep(forTimeInterval: 0.01)
    }
    for process in processes where process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      // One that was stopped dies too.
      process.waitUntilExit()
    }
    processes = []
  }

  deinit { end(after: 0) }
}
