import Defences
import Foundation
import ModelIO
import TestSupport
import Testing

@testable import Audit

/// Sweeps whose runs are shared out among workers.
@Suite struct ShardTests {
  private let folder = TestFolder()

  private var results: String { folder("sweep.sqlite") }

  private func shard(_ index: Int, _ count: Int) throws -> SweepShard {
    try #require(SweepShard(index: index, count: count))
  }

  private func run(_ tasks: [SweepTask], _ shard: SweepShard) throws {
    let own = try tasks.filter { shard.contains(try $0.key) }
    try runner(own, try ShardResults(results: results, shard: shard)).run(threads: 1)
  }

  private var files: [String] {
    TestFolder.contents(of: results + ".shards")
  }

  @Test func everyRunIsInOneShare() throws {
    let keys = (0..<200).map { "run \($0)" }
    for count in [1, 3, 8] {
      let shards = try (0..<count).map { try shard($0, count) }
      #expect(keys.allSatisfy { key in shards.count { $0.contains(key) } == 1 })
      // None has far more than its part.
      #expect(
        shards.allSatisfy { shard in keys.count(where: shard.contains) < 2 * 200 / count + 1 })
    }
    // FNV-1a's published hash of "a" is af63dc4c8601ec8c, whose remainder by 8 is 4: users' files depend on it.
    #expect(try shard(4, 8).contains("a"))
    #expect(SweepShard(index: 8, count: 8) == nil && SweepShard(index: -1, count: 8) == nil)
    #expect(SweepShard(index: 0, count: 0) == nil)
  }

  @Test func schedulersSayWhichShareItIs() throws {
    let slurm = [
      "SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "1",
      "SLURM_ARRAY_TASK_STEP": "2",
    ]
    #expect(SweepShard(environment: slurm) == (try shard(3, 4)))
    #expect(SweepShard(environment: ["JOB_COMPLETION_INDEX": "2"], count: 5) == (try shard(2, 5)))
    #expect(SweepShard(environment: ["JOB_COMPLETION_INDEX": "2"]) == nil)
    #expect(SweepShard(environment: [:], count: 5) == nil)
    var wrong = slurm
    wrong["SLURM_ARRAY_TASK_ID"] = "\(Int.min)"
    #expect(SweepShard(environment: wrong) == nil)
    wrong["SLURM_ARRAY_TASK_STEP"] = "0"
    wrong["SLURM_ARRAY_TASK_ID"] = "x"
    #expect(SweepShard(environment: wrong) == nil)
  }

  /// All shares together are the sweep; what is finished is not made again, whatever the shares.
  @Test func sharesMergeIntoTheWhole() throws {
    let tasks = try smallSweep()
    let whole = try SweepStore(path: folder("whole.sqlite"))
    try runner(tasks, whole).run(threads: 1)
    for index in 0..<2 { try run(tasks, shard(index, 2)) }
    let count = files.count
    #expect((1...2).contains(count))
    // Another number of shares, and a merged table without its workers' files, find nothing left.
    try run(tasks, shard(0, 1))
    #expect(files.count == count)
    let merged = try ShardFolder(of: results).merge()
    #expect(merged.runs == tasks.count && merged.added == tasks.count && merged.conflicts.isEmpty)
    #expect(try SweepStore(path: results).texts() == whole.texts())
    #expect(try ShardFolder(of: results).merge().added == 0)
    try FileManager.default.removeItem(atPath: results + ".shards")
    try run(tasks, shard(0, 1))
    #expect(!InputFile.exists(results + ".shards"))
  }

  /// A line that a kill cut short, and one that a disk spoilt, are made again; results that differ are told.
  @Test func tornAndUnequalLinesAreSeen() throws {
    let tasks = try smallSweep(["none"])
    try run(tasks, shard(0, 1))
    let path = "\(results).shards/\(files[0])"
    let lines = String(decoding: bytes(of: path), as: UTF8.self).split(separator: "\n")
    try #require(lines.count == 2)
    let spoilt = lines[0].replacingOccurrences(of: #""iterations":"#, with: #""iterations":1"#)
    let torn = lines[1].dropLast(100)
    try AtomicFile.write(spoilt + "\n" + torn, to: path)
    #expect(try ShardFolder(of: results).seconds().isEmpty)
    try run(tasks, shard(0, 1))
    let merged = try ShardFolder(of: results).merge()
    #expect(merged.lost == 2 && merged.runs == 2 && merged.files == 2 && merged.conflicts.isEmpty)
    // The same run with another result, in a line that is whole.
    let entry = try #require(ShardLine.entry(ArraySlice(lines[0].utf8)))
    var record = entry.record
    record.matchingLoss = JSONNumber(record.matchingLoss.value + 1)
    let other = try ShardLine.text(
      SweepStore.Entry(key: entry.key, record: record, timing: entry.timing), path)
    try AtomicFile.write(other, to: "\(results).shards/z.jsonl")
    let conflicts = try ShardFolder(of: results).merge().conflicts
    #expect(conflicts.map(\.key) == [entry.key] && conflicts[0].paths[1].hasSuffix("z.jsonl"))
  }

  @Test func foldersThatAreNotThereAreRefused() {
    #expect(throws: FileError.self) { try ShardFolder(of: results).merge() }
  }
}

extension TestFolder {
  /// The names in a folder, sorted; none where it is missing.
  fileprivate static func contents(of path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}
