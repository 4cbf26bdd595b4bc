import CSQLite
import Foundation
import ModelIO
import Synchronization

/// Where a sweep's results are kept.
package protocol SweepResults: Sendable {
  /// Seconds that each finished run took, by its key (``SweepTask/key``).
  func seconds() throws(FileError) -> [String: Double]
  /// Keeps a result, on the disk before it returns.
  func add(_ entry: SweepStore.Entry) throws(FileError)
}

/// The results of a sweep in a SQLite file: one row per run, under the run's full configuration.
///
/// Each result is a transaction of its own, so that a program killed at any moment loses the runs it
/// was at, and nothing else. The file is made under a temporary name and renamed, so that it is never
/// there half made.
package final class SweepStore: SweepResults {
  /// A run with its result.
  package struct Entry: Sendable {
    /// Which run it is; see ``SweepTask/key``.
    package let key: String
    package let record: RunRecord
    package let timing: RunTiming

    package init(key: String, record: RunRecord, timing: RunTiming) {
      self.key = key
      self.record = record
      self.timing = timing
    }
  }

  /// Says in the file's header that it is ours: "grdl" in ASCII.
  private static let applicationID: Int32 = 0x6772_646C
  /// Version of the tables.
  private static let formatVersion = 1

  package let path: String
  private let database: Mutex<SQLiteDatabase>

  /// Opens the results at `path`, or makes an empty file for them.
  ///
  /// - Throws: ``FileError`` when the file is empty, truncated, damaged, another program's, a newer
  ///   gradleak's or read-only, or cannot be made. The file is left as it was.
  package init(path: String) throws(FileError) {
    self.path = path
    let isThere = FileManager.default.fileExists(atPath: path)
    if isThere {
      try SweepStore.checkFile(path)
    } else {
      try SweepStore.makeFile(path)
    }
    do {
      let opened = try SQLiteDatabase(path: path)
      if isThere {
        let length = try SweepStore.checkContent(opened)
        // SQLite notices missing pages, but not a last one that is cut.
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        guard (attributes[.size] as? Int ?? 0) >= length else { throw Damaged() }
      }
      // Taken once at the start: a read-only file must not be found out after hours.
      try opened.execute("BEGIN IMMEDIATE; ROLLBACK")
      database = Mutex(opened)
    } catch {
      throw SweepStore.fileError(error, path)
    }
  }

  // MARK: - Rows

  /// The keys (``SweepTask/key``) of all runs that are there.
  package func keys() throws(FileError) -> Set<String> {
    do {
      return try database.withLock { database in
        var keys: Set<String> = []
        try database.run("SELECT task FROM run") { keys.insert($0.text(0)) }
        return keys
      }
    } catch {
      throw SweepStore.fileError(error, path)
    }
  }

  /// Seconds that each finished run took, by its key.
  package func seconds() throws(FileError) -> [String: Double] {
    do {
      return try database.withLock { database in
        var result: [String: Double] = [:]
        try database.run("SELECT task, compileSeconds + attackSeconds FROM run") {
          result[$0.text(0)] = $0.number(1)
        }
        return result
      }
    } catch {
      throw SweepStore.fileError(error, path)
    }
  }

  /// A record as it is kept: JSON with sorted keys, the same for equal records.
  static func text(of record: RunRecord) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(record), as: UTF8.self)
  }

  /// Every record as it is kept, by its key.
  func texts() throws(FileError) -> [String: String] {
    do {
      return try database.withLock { database in
        var result: [String: String] = [:]
        try database.run("SELECT task, record FROM run") { result[$0.text(0)] = $0.text(1) }
        return result
      }
    } catch {
      throw SweepStore.fileError(error, path)
    }
  }

  /// Adds a result. Nothing changes when the run is there already.
  package func add(_ entry: Entry) throws(FileError) {
    do {
      let record = try SweepStore.text(of: entry.record)
      try database.withLock { database in
        try database.run(
          """
          INSERT OR IGNORE INTO run
            (task, record, compileSeconds, attackSeconds, evaluationsPerSecond)
          VALUES (?, ?, ?, ?, ?)
          """,
          [
            .text(entry.key), .text(record), .number(entry.timing.compileSeconds),
            .number(entry.timing.attackSeconds), .number(entry.timing.evaluationsPerSecond),
          ])
      }
    } catch {
      throw SweepStore.fileError(error, path)
    }
  }

  /// All results, in an order that does not depend on when they were added.
  package func entries() throws(FileError) -> [Entry] {
    do {
      return try database.withLock { database in
        var entries: [Entry] = []
        let decoder = JSONDecoder()
        try database.run(
          """
          SELECT task, record, compileSeconds, attackSeconds, evaluationsPerSecond
          FROM run ORDER BY task
          """
        ) { row in
          entries.append(
            Entry(
              key: row.text(0),
              record: try decoder.decode(RunRecord.self, from: Data(row.text(1).utf8)),
              timing: RunTiming(
                compileSeconds: row.number(2), attackSeconds: row.number(3),
                evaluationsPerSecond: row.number(4))))
        }
        return entries
      }
    } catch {
      throw SweepStore.fileError(error, path)
    }
  }

  // MARK: - Files

  private static func checkFile(_ path: String) throws(FileError) {
    let header = "SQLite format 3\0"
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    guard !isFolder.boolValue else {
      throw FileError(
        path: path, problem: "this is a folder", remedy: "give the name of a file for the results")
    }
    guard let handle = FileHandle(forReadingAtPath: path),
      let start = try? handle.read(upToCount: header.utf8.count) ?? Data()
    else {
      throw FileError(
        path: path, problem: "the results cannot be read",
        remedy: "give a file that you may read and write")
    }
    try? handle.close()
    guard !start.isEmpty else {
      throw FileError(
        path: path, problem: "the file is empty",
        remedy: "remove it to start a new sweep, or give another name")
    }
    guard start == Data(header.utf8) else {
      throw FileError(
        path: path, problem: "these are no results of a sweep",
        remedy: "give a file that gradleak sweep wrote, or a new name")
    }
    guard FileManager.default.isWritableFile(atPath: path) else {
      throw FileError(
        path: path, problem: "the results are read-only",
        remedy: "make the file writable, or give another name")
    }
  }

  /// Makes an empty file of results under a temporary name, and gives it its own.
  private static func makeFile(_ path: String) throws(FileError) {
    let folder =
      path.contains("/") ? String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) : ""
    let temporary = "\(folder).gradleak-\(ProcessInfo.processInfo.processIdentifier)-sweep.tmp"
    unlink(temporary)
    defer {
      unlink(temporary)
      unlink(temporary + "-journal")
    }
    do {
      try SQLiteDatabase(path: temporary).execute(
        """
        BEGIN;
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(formatVersion);
        CREATE TABLE run (
          task TEXT PRIMARY KEY NOT NULL,
          record TEXT NOT NULL,
          compileSeconds REAL NOT NULL,
          attackSeconds REAL NOT NULL,
          evaluationsPerSecond REAL NOT NULL
        ) WITHOUT ROWID;
        COMMIT;
        """)
    } catch {
      throw fileError(error, path)
    }
    // A link fails where another process was first; its file serves as well.
    guard link(temporary, path) == 0 || errno == EEXIST || rename(temporary, path) == 0 else {
      throw FileError(
        path: path, problem: "the results cannot be written here",
        remedy: "give another place")
    }
  }

  /// - Returns: bytes that the file must have.
  private static func checkContent(_ database: borrowing SQLiteDatabase) throws -> Int {
    func integer(_ name: String) throws -> Int {
      try database.first("PRAGMA \(name)") { $0.integer(0) } ?? 0
    }
    guard try integer("application_id") == Int(applicationID) else { throw Foreign() }
    guard try integer("user_version") <= formatVersion else { throw Newer() }
    guard try database.first("PRAGMA quick_check", { $0.text(0) }) == "ok" else { throw Damaged() }
    return try integer("page_count") * integer("page_size")
  }

  private struct Foreign: Error {}
  private struct Newer: Error {}
  private struct Damaged: Error {}

  private static func fileError(_ error: any Error, _ path: String) -> FileError {
    let (problem, remedy): (String, String) =
      switch error {
      case let error as FileError: (error.problem, error.remedy.description)
      case is Foreign:
        (
          "this SQLite file is another program's",
          "give a file that gradleak sweep wrote, or a new name"
        )
      case is Newer:
        ("these results were written by a newer gradleak", "use that one, or give a new name")
      case is Damaged: damaged
      case let error as SQLiteError: sqliteProblem(error)
      case is DecodingError: damaged
      default: ("the results cannot be used (\(error))", "give another file")
      }
    return FileError(path: path, problem: problem, remedy: remedy)
  }

  private static let damaged = (
    "the results are damaged or cut short",
    "restore a copy, or give a new name to start again"
  )

  private static func sqliteProblem(_ error: SQLiteError) -> (String, String) {
    switch error.code {
    case SQLITE_CORRUPT, SQLITE_NOTADB: damaged
    case SQLITE_FULL:
      ("the disk is full; what was recorded before is kept", "free some space and start again")
    case SQLITE_READONLY, SQLITE_PERM:
      ("the results are read-only", "make the file and its folder writable, or give another name")
    case SQLITE_CANTOPEN:
      (
        "the results cannot be opened or made here",
        "give a file in a folder that exists and that you may write to"
      )
    case SQLITE_BUSY, SQLITE_LOCKED:
      ("another program holds the results locked", "wait until it has finished")
    case SQLITE_IOERR:
      (
        "the disk refused to write; what was recorded before is kept",
        "see to the disk's space and health, then start again"
      )
    default:
      ("SQLite refused (\(error.message))", "give another file")
    }
  }
}
