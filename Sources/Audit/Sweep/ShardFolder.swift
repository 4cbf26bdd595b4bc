import Foundation
import ModelIO

/// The files of all workers of a sweep, beside the SQLite file that they are merged into.
package struct ShardFolder: Sendable {
  /// Two results of one run that are not the same.
  package struct Conflict: Sendable {
    /// The run; see ``SweepTask/key``.
    package let key: String
    /// Where the results are.
    package let paths: [String]
  }

  /// What was merged.
  package struct Merged: Sendable {
    /// Workers' files.
    package var files = 0
    /// Results that were not there before.
    package var added = 0
    /// Results in the workers' files, each run once.
    package var runs = 0
    /// Lines that were cut short or spoilt; their runs count as not made.
    package var lost = 0
    package var conflicts: [Conflict] = []
  }

  /// Where the workers' files are.
  package let path: String
  private let results: String

  /// Bytes of one worker's file at most.
  private static let fileLimit = 4 << 30

  /// - Parameter results: path of the SQLite file.
  package init(of results: String) {
    self.results = results
    path = results + ".shards"
  }

  /// Seconds that each finished run took, by its key: merged or in any worker's file.
  ///
  /// The SQLite file is read from a copy, since it cannot be shared over a network.
  package func seconds() throws(FileError) -> [String: Double] {
    var seconds = try merged()
    for file in try files() {
      for entry in try entries(of: file).entries {
        seconds[entry.key] = entry.timing.compileSeconds + entry.timing.attackSeconds
      }
    }
    return seconds
  }

  private func merged() throws(FileError) -> [String: Double] {
    guard InputFile.exists(results) else { return [:] }
    let copy = NSTemporaryDirectory() + ".gradleak-\(UUID().uuidString).tmp"
    defer { unlink(copy) }
    do {
      try FileManager.default.copyItem(atPath: results, toPath: copy)
    } catch {
      throw FileError(
        path: results, problem: "the results cannot be copied",
        remedy: "see that they can be read and that there is room in \(NSTemporaryDirectory())")
    }
    do {
      return try SweepStore(path: copy).seconds()
    } catch {
      throw FileError(path: results, problem: error.problem, remedy: error.remedy.description)
    }
  }

  /// Adds what workers found to the SQLite file, which is made where it is missing. Workers' files stay, so that this can be
  /// repeated while they run.
  ///
  /// - Throws: ``FileError`` when there are none, or one cannot be read, or the results not written.
  package func merge() throws -> Merged {
    let files = try files()
    guard !files.isEmpty else {
      throw FileError(
        path: path, problem: "no worker has left results here",
        remedy: "run shares of the sweep first, with the same name of the results")
    }
    let store = try SweepStore(path: results)
    var summary = Merged()
    summary.files = files.count
    var seen = try store.texts().mapValues { (text: $0, path: results) }
    let before = seen.count
    var runs: Set<String> = []
    for file in files {
      let content = try entries(of: file)
      summary.lost += content.lost
      for entry in content.entries {
        runs.insert(entry.key)
        let text = try SweepStore.text(of: entry.record)
        if let other = seen[entry.key] {
          if other.text != text {
            summary.conflicts.append(Conflict(key: entry.key, paths: [other.path, file]))
          }
        } else {
          try store.add(entry)
          seen[entry.key] = (text, file)
        }
      }
    }
    summary.runs = runs.count
    summary.added = seen.count - before
    return summary
  }

  /// Sorted, so that merging does not depend on the file system.
  private func files() throws(FileError) -> [String] {
    guard InputFile.exists(path) else { return [] }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path)
        .filter { $0.hasSuffix(".jsonl") && !$0.hasPrefix(".") }.sorted().map { "\(path)/\($0)" }
    } catch {
      throw FileError(
        path: path, problem: "the folder of the workers' results cannot be read",
        remedy: "see to its permissions")
    }
  }

  private func entries(
    of file: String
  ) throws(FileError) -> (entries: [SweepStore.Entry], lost: Int) {
    let bytes = try InputFile.bytes(
      at: file, expected: "a worker's results", limit: ShardFolder.fileLimit)
    var entries: [SweepStore.Entry] = []
    var lost = 0
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      if let entry = ShardLine.entry(line) { entries.append(entry) } else { lost += 1 }
    }
    return (entries, lost)
  }
}
