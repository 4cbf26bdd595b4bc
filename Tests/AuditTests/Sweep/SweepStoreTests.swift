import Audit
import CPUBackend
import Clients
import Defences
import Foundation
import ModelIO
import TestSupport
import Testing

/// A sweep of a few tiny runs.
func smallSweep(_ defences: [String] = ["none", "fp16"]) throws -> [SweepTask] {
  var group = SweepPlan.Group()
  group.defences = try defences.map { try DefenceChain($0) }
  group.classes = 5
  group.sizes = [8]
  group.seeds = 1
  group.examples = 2
  group.iterations = 40
  return try SweepPlan(groups: [group]).tasks(of: SweepExamples())
}

func runner(_ tasks: [SweepTask], _ store: any SweepResults) -> SweepRunner {
  SweepRunner(tasks, examples: SweepExamples(), store: store) {
    CPUBackend(CPUBackend.Options(threadCount: 1))
  }
}

@Suite struct SweepStoreTests {
  private let folder = TestFolder()

  private var path: String { folder("sweep.sqlite") }

  @Test func resultsComeBackAsTheyWere() throws {
    let tasks = try smallSweep()
    let store = try SweepStore(path: path)
    try runner(tasks, store).run(threads: 2)
    let entries = try SweepStore(path: path).entries()
    #expect(Set(entries.map(\.key)) == Set(try tasks.map { try $0.key }))
    #expect(Set(entries.map(\.record.experiment)) == Set(tasks.map(\.experiment)))
    #expect(entries.allSatisfy { $0.timing.attackSeconds > 0 })
    let defended = try #require(entries.first { $0.record.defence != nil })
    #expect(defended.record.defence?.chain.description == "fp16")
    #expect(defended.record.defence?.isAdaptive == true)
    #expect(defended.record.experiment?.defences.description == "fp16")
    #expect(entries.count { $0.record.defence == nil } == entries.count / 2)
    // A second start has nothing left to do, and one result stays one.
    var latest: [SweepStore.Entry] = []
    try runner(tasks, store).run(threads: 1)
    latest = try store.entries()
    #expect(latest.map(\.timing) == entries.map(\.timing))
    try store.add(entries[0])
    #expect(try store.entries().count == tasks.count)
  }

  /// The number of threads, and stopping on the way, change no result.
  @Test func stoppedSweepsGoOn() throws {
    let tasks = try smallSweep(["none", "gaussian:1e-4", "terngrad"])
    let whole = try SweepStore(path: path)
    try runner(tasks, whole).run(threads: 2)
    let parts = try SweepStore(path: folder("parts.sqlite"))
    for limit in [1, 3, 4, 100] {
      try runner(tasks, parts).run(
        threads: 1, shouldStop: { ((try? parts.keys().count) ?? 0) >= limit })
      #expect(try parts.keys().count == min(limit, tasks.count))
    }
    #expect(try parts.entries().map(\.record) == whole.entries().map(\.record))
  }

  private func problem(_ bytes: [UInt8]) throws -> String {
    let path = folder("other.sqlite")
    try AtomicFile.write(bytes, to: path)
    let error = #expect(throws: FileError.self) { try SweepStore(path: path) }
    // Refused files stay as they were.
    #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))) == bytes)
    return error?.problem ?? ""
  }

  @Test func otherFilesAreRefused() throws {
    #expect(try problem([]).contains("empty"))
    #expect(try problem([UInt8]("{}".utf8)).contains("no results"))
    #expect(try problem([UInt8]("SQLite format 3\0".utf8)).contains("damaged"))
    #expect(
      try problem([UInt8]("SQLite format 3\0".utf8) + [UInt8](repeating: 7, count: 9000))
        .contains("damaged"))
    #expect(throws: FileError.self) { try SweepStore(path: folder.path) }
    #expect(throws: FileError.self) { try SweepStore(path: folder("no/such/folder.sqlite")) }
  }

  @Test func truncatedResultsAreRefused() throws {
    let store = try SweepStore(path: path)
    try runner(try smallSweep(), store).run(threads: 2)
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    for share in [0.2, 0.5, 0.9] {
      #expect(
        try problem(Array(bytes.prefix(Int(share * Double(bytes.count))))).contains("damaged"))
    }
  }

  @Test func otherProgramsTablesAreRefused() throws {
    _ = try SweepStore(path: path)
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    // Offsets 68 and 60 of the header hold the application's id and the user's version.
    bytes[68] ^= 1
    #expect(try problem(bytes).contains("another program"))
    bytes[68] ^= 1
    bytes[63] = 99
    #expect(try problem(bytes).contains("newer gradleak"))
  }

  @Test func anImpossibleRunStopsTheSweepAndKeepsTheRest() throws {
    var tasks = try smallSweep(["none"])
    var impossible = tasks[1]
    impossible.experiment.attack.attack = .linear
    tasks.append(impossible)
    let store = try SweepStore(path: path)
    #expect(throws: AttackError.self) { try runner(tasks, store).run(threads: 1) }
    #expect(try store.keys().count == 2)
  }
}
