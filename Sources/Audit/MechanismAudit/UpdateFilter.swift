import Foundation
import ModelIO
import TensorGraph

/// What a client does to its update before it is sent: a black box from named tensors to named tensors.
package protocol UpdateFilter {
  /// - Throws: when it fails, or gives back other tensors than it got.
  func apply(_ update: [String: Tensor]) throws -> [String: Tensor]
}

/// A filter that is somebody's own program: it reads one safetensors file and writes another.
///
/// Each call is a process of its own, as it is for each client and round; what a program remembers in files, it remembers here.
package final class FilterCommand: UpdateFilter {
  private let command: String
  private let timeLimit: Double
  private let folder: URL
  private var calls = 0

  /// - Parameters:
  ///   - command: for the shell; the paths of the file to read and the file to write are its last two arguments.
  ///   - timeLimit: seconds that one call may take.
  /// - Throws: ``FileError`` where there is no place for its files.
  package init(_ command: String, timeLimit: Double) throws(FileError) {
    self.command = command
    self.timeLimit = timeLimit
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gradleak-filter-\(UUID().uuidString)")
    do {
      try FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    } catch {
      throw FileError(
        path: folder.path, problem: error.localizedDescription,
        remedy: "make room there, or set TMPDIR to another folder")
    }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  package func apply(_ update: [String: Tensor]) throws -> [String: Tensor] {
    calls += 1
    let input = folder.appendingPathComponent("in-\(calls).safetensors").path
    let output = folder.appendingPathComponent("out-\(calls).safetensors").path
    defer {
      try? FileManager.default.removeItem(atPath: input)
      try? FileManager.default.removeItem(atPath: output)
    }
    try Safetensors.write(update, to: input, isPrivate: true)
    try call(input, output)
    guard FileManager.default.fileExists(atPath: output) else {
      throw MechanismAuditError("the filter wrote no file at the path that is its last argument")
    }
    return try SafetensorsFile(contentsOf: output).tensors()
  }

  private func call(_ input: String, _ output: String) throws(MechanismAuditError) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    // The shell ends with the command, so that a time limit stops that.
    process.arguments = ["-c", "exec \(command) \"$@\"", "filter", input, output]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    let errors = folder.appendingPathComponent("errors.txt")
    _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    do {
      process.standardError = try FileHandle(forWritingTo: errors)
      try process.run()
    } catch {
      throw MechanismAuditError("the filter cannot be started: \(error.localizedDescription)")
    }
    guard ended.wait(timeout: .now() + timeLimit) == .success else {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      throw MechanismAuditError(
        "the filter took more than \(PrivacyNumbers.text(timeLimit)) s for one update; give it a longer time limit"
      )
    }
    guard process.terminationStatus == 0, process.terminationReason == .exit else {
      throw MechanismAuditError(
        "the filter ended with status \(process.terminationStatus)" + lastLine(of: errors))
    }
  }

  /// The last line that the filter wrote to its standard error, for a message.
  private func lastLine(of file: URL) -> String {
    guard let handle = try? FileHandle(forReadingFrom: file) else { return "" }
    defer { try? handle.close() }
    let size = (try? handle.seekToEnd()) ?? 0
    try? handle.seek(toOffset: size > 4096 ? size - 4096 : 0)
    let bytes = (try? handle.read(upToCount: 4096)) ?? Data()
    let line = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { $0.trimmingCharacters(in: .whitespaces) }.last { !$0.isEmpty }
    return line.map { ": \($0.escapingControlCharacters)" } ?? ""
  }
}

/// Why a mechanism could not be audited.
package struct MechanismAuditError: ErrorInWords {
  package let sentence: Sentence

  init(_ text: String) {
    sentence = Sentence(text)
  }
}
