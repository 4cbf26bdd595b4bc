import Foundation

/// What a finished run of the tool left behind.
struct ToolRun {
  /// Exit status; nil when a signal ended the tool, or the test's time limit did.
  let status: Int32?
  let output: String
  let errors: String

  var errorLines: [Substring] { errors.split(separator: "\n") }
}

/// The programs that were built together with these tests: `gradleak`, and those of `Examples`.
enum BuiltTool {
  struct NotFound: Error, CustomStringConvertible {
    let description: String
  }

  /// Far beyond what any run here takes: a tool that hangs is ended and fails the test.
  static let timeLimit: TimeInterval = 60

  static let url = url(of: "gradleak")

  /// A program lies beside the test bundle, whatever the build folder and configuration.
  private static func url(of name: String) -> Result<URL, NotFound> {
    let starts =
      Bundle.allBundles.map(\.bundleURL) + [
        URL(fileURLWithPath: CommandLine.arguments[0]), Bundle.main.bundleURL,
      ]
    for start in starts {
      var folder = start.resolvingSymlinksInPath()
      while folder.path.count > 1 {
        let candidate = folder.appendingPathComponent(name)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder),
          !isFolder.boolValue, FileManager.default.isExecutableFile(atPath: candidate.path)
        {
          return .success(candidate)
        }
        folder.deleteLastPathComponent()
      }
    }
    return .failure(NotFound(description: "no \(name) beside \(starts.map(\.path))"))
  }

  /// A process ready to run, with nothing of the caller's terminal or environment.
  static func process(
    _ arguments: [String], in folder: String, environment: [String: String] = [:],
    example: String? = nil
  ) throws -> Process {
    let process = Process()
    process.executableURL = try (example.map(url(of:)) ?? url).get()
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    var variables = ["PATH": "/usr/bin:/bin", "HOME": folder, "TERM": "xterm"]
    // Where the toolchain's libraries are not on the system's path.
    for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH"] {
      variables[name] = ProcessInfo.processInfo.environment[name]
    }
    process.environment = variables.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    return process
  }

  /// Runs the tool, or an example, to its end.
  static func run(
    _ arguments: [String], in folder: String, environment: [String: String] = [:],
    example: String? = nil
  ) throws -> ToolRun {
    let process = try process(
      arguments, in: folder, environment: environment, example: example)
    // Both are read while the tool runs: a full pipe would stop it.
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    let readers = [Capture(output.fileHandleForReading), Capture(errors.fileHandleForReading)]
    try start(process)
    let status = finish(process)
    return ToolRun(status: status, output: readers[0].text(), errors: readers[1].text())
  }

  /// Starts a process that signals reach: tests run in threads that block them, and a child inherits
  /// that.
  static func start(_ process: Process) throws {
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_UNBLOCK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  /// Waits for a process.
  ///
  /// - Returns: its exit status; nil when a signal ended it.
  static func finish(_ process: Process) -> Int32? {
    let deadline = Date(timeIntervalSinceNow: timeLimit)
    while process.isRunning {
      if Date() > deadline { kill(process.processIdentifier, SIGKILL) }
      usleep(2000)
    }
    return process.terminationReason == .exit ? process.terminationStatus : nil
  }
}

/// Everything that arrives at a file handle, read in a thread of its own.
final class Capture: @unchecked Sendable {
  private let condition = NSCondition()
  private var bytes: [UInt8] = []
  private var hasEnded = false

  init(_ handle: FileHandle) {
    Thread.detachNewThread { [self] in
      var block = [UInt8](repeating: 0, count: 4096)
      while true {
        // A pseudo-terminal whose other side is closed gives an error instead of the end.
        let count = read(handle.fileDescriptor, &block, block.count)
        condition.lock()
        bytes += block.prefix(max(count, 0))
        hasEnded = count <= 0
        condition.broadcast()
        condition.unlock()
        if count <= 0 { return }
      }
    }
  }

  /// All of it, once the other side is closed.
  func text() -> String { wait { _ in false } }

  /// What has come when `words` did, or all of it when they never do.
  func text(untilContaining words: String) -> String { wait { $0.contains(words) } }

  private func wait(_ isEnough: (String) -> Bool) -> String {
    let deadline = Date(timeIntervalSinceNow: BuiltTool.timeLimit)
    condition.lock()
    defer { condition.unlock() }
    while !hasEnded, !isEnough(String(decoding: bytes, as: UTF8.self)) {
      guard condition.wait(until: deadline) else { break }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
