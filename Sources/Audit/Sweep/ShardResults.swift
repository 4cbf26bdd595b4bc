import Foundation
import ModelIO
import Synchronization
import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a worker of a sweep keeps its results: a file of its own that it only appends to, so that no two write to one and
/// no locks are needed, which network file systems lack.
///
/// A line is the FNV-1a hash of what follows, in 16 hexadecimal digits, a space, and an entry in JSON. Each is on the disk before the
/// next run begins. A line that a kill cut short, or that a disk spoilt, has another hash and counts as not there.
package final class ShardResults: SweepResults {
  /// The worker's own file, made with the first result.
  package let path: String
  private let known: [String: Double]
  private let file: Mutex<Int32?>

  /// - Parameters:
  ///   - results: path of the SQLite file that all shares are merged into; the shares' files are in a folder beside it.
  ///   - shard: names the file, with the host and the process.
  /// - Throws: ``FileError`` when what is there already cannot be read.
  package init(results: String, shard: SweepShard) throws(FileError) {
    let host = ProcessInfo.processInfo.hostName.filter { $0.isLetter || $0.isNumber || $0 == "-" }
    let process = ProcessInfo.processInfo.processIdentifier
    let folder = ShardFolder(of: results)
    path =
      "\(folder.path)/\(shard.index)-of-\(shard.count)-\(host.prefix(60))-\(process)"
      + "-\(String(UInt32.random(in: .min ... .max), radix: 16)).jsonl"
    known = try folder.seconds()
    file = Mutex(nil)
  }

  deinit {
    file.withLock { if let descriptor = $0 { close(descriptor) } }
  }

  package func seconds() throws(FileError) -> [String: Double] { known }

  package func add(_ entry: SweepStore.Entry) throws(FileError) {
    let line = try ShardLine.text(entry, path)
    try file.withLock { (descriptor) throws(FileError) in
      let open: Int32
      if let descriptor { open = descriptor } else { open = try make() }
      descriptor = open
      guard ShardResults.append(line, to: open), fsync(open) == 0 else {
        throw FileError(
          path: path,
          problem:
            "a result cannot be written (\(String(cString: strerror(errno)))); earlier ones are kept",
          remedy: "see to the disk's space and health, then start again")
      }
    }
  }

  private func make() throws(FileError) -> Int32 {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    try? FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw FileError(
        path: path, problem: "the file cannot be made (\(String(cString: strerror(errno))))",
        remedy: "give results in a folder that exists and that you may write to")
    }
    return descriptor
  }

  private static func append(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        guard errno == EINTR else { return false }
      } else {
        sent += count
      }
    }
    return true
  }
}

/// One line of a worker's file.
enum ShardLine {
  private struct Content: Codable {
    let key: String
    let record: RunRecord
    let timing: RunTiming
  }

  /// Such as "af63dc4c8601ec8c {...}".
  static func text(_ entry: SweepStore.Entry, _ path: String) throws(FileError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard
      let json = try? encoder.encode(
        Content(key: entry.key, record: entry.record, timing: entry.timing))
    else {
      throw FileError(
        path: path, problem: "a result cannot be encoded", remedy: "report this as a fault")
    }
    return Array(hash(json).utf8) + [UInt8(ascii: " ")] + json + [UInt8(ascii: "\n")]
  }

  /// - Parameter line: without its end.
  /// - Returns: nil where it is torn or spoilt.
  static func entry(_ line: ArraySlice<UInt8>) -> SweepStore.Entry? {
    guard line.count > 17, line[line.startIndex + 16] == UInt8(ascii: " ") else { return nil }
    let json = line.dropFirst(17)
    guard Array(line.prefix(16)) == Array(hash(json).utf8),
      let content = try? JSONDecoder().decode(Content.self, from: Data(json))
    else { return nil }
    return SweepStore.Entry(key: content.key, record: content.record, timing: content.timing)
  }

  private static func hash(_ bytes: some Sequence<UInt8>) -> String {
    var hash = FNV1a()
    hash.add(bytes)
    let digits = String(hash.hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
