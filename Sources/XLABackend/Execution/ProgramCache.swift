import Foundation
import TensorGraph

/// Compiled programs in a folder, for the next process: XLA takes seconds for what loads in a tenth of one.
///
/// A file holds all that its program depends on, and is used for that alone; its name is a hash of the same. What is
/// damaged, or refused by the plugin, is deleted and compiled anew. A cache that does not work is no failure.
struct ProgramCache: Sendable {
  /// Bytes of all files together, above which the oldest go.
  static let largestByteCount = 1 << 30

  private let folder: URL
  private let device: XLADevice
  /// What compiles, and for which device: a program of another version may compute something else.
  private let identity: String

  /// - Parameter folder: made when a program is kept.
  init(folder: String, of device: XLADevice) {
    self.folder = URL(fileURLWithPath: folder, isDirectory: true)
    self.device = device
    identity = ProgramCache.identity(of: device)
  }

  private static func identity(of device: XLADevice) -> String {
    let file = URL(fileURLWithPath: device.plugin).resolvingSymlinksInPath().path
    var status = stat()
    let facts = stat(file, &status) == 0 ? "\(status.st_size) \(modification(status))" : "unknown"
    return [
      "gradleak-xla-1", file, facts, device.pluginVersion, device.platformVersion, device.kind,
      device.platform == .cpu ? processor : "",
    ].joined(separator: "\n")
  }

  private static func modification(_ status: stat) -> String {
    #if canImport(Darwin)
      "\(status.st_mtimespec.tv_sec).\(status.st_mtimespec.tv_nsec)"
    #else
      "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    #endif
  }

  /// The processor's instructions, which programs for it use: a folder may be on several machines.
  private static var processor: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return lines.split(separator: "\n").first { $0.hasPrefix("flags") || $0.hasPrefix("Features") }
      .map(String.init) ?? ""
  }

  // MARK: - Programs

  /// The program of a text and options; nil where it is not kept.
  ///
  /// - Parameter outputs: that it must have.
  func program(_ text: String, _ options: CompileOptions, outputs: Int) -> XLAProgram? {
    guard isPrivate else { return nil }
    let key = CacheKey(identity, options.bytes, text)
    let file = folder.appendingPathComponent(key.fileName)
    guard isReadable(file) else { return nil }
    if let bytes = try? Data(contentsOf: file, options: .alwaysMapped),
      let payload = key.payload(of: bytes),
      let program = try? XLAProgram(serialized: payload, on: device),
      program.outputCount == outputs
    {
      return program
    }
    try? FileManager.default.removeItem(at: file)
    return nil
  }

  /// Keeps a program, where the plugin can write it down.
  func keep(_ program: XLAProgram, _ text: String, _ options: CompileOptions) {
    guard let payload = try? program.serialized() else { return }
    let key = CacheKey(identity, options.bytes, text)
    let manager = FileManager.default
    try? manager.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    guard isPrivate else { return }
    // Written beside and renamed, so that no reader sees half of it.
    try? key.file(payload).write(
      to: folder.appendingPathComponent(key.fileName), options: .atomic)
    trim()
  }

  /// Whether nobody but the user can put files into the folder.
  private var isPrivate: Bool {
    var status = stat()
    return stat(folder.path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      && status.st_uid == getuid() && status.st_mode & 0o022 == 0
  }

  /// Whether it is a file of a size that a cache may have.
  private func isReadable(_ file: URL) -> Bool {
    var status = stat()
    return stat(file.path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      && status.st_size <= ProgramCache.largestByteCount
  }

  /// Deletes the oldest files until the rest is small enough.
  private func trim() {
    let keys: Set<URLResourceKey> = [.fileSizeKey, .contentModificationDateKey]
    let files =
      (try? FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: Array(keys))) ?? []
    let known = files.filter { $0.pathExtension == CacheKey.pathExtension }
      .compactMap { file in
        (try? file.resourceValues(forKeys: keys)).map {
          (file, size: $0.fileSize ?? 0, date: $0.contentModificationDate ?? .distantPast)
        }
      }.sorted { $0.date > $1.date }
    var byteCount = 0
    for (file, size, _) in known {
      byteCount += size
      if byteCount > ProgramCache.largestByteCount { try? FileManager.default.removeItem(at: file) }
    }
  }
}

/// All that a compiled program depends on, and the file that holds both.
struct CacheKey {
  static let pathExtension = "xla"

  private let head: [UInt8]

  /// - Parameter identity: of plugin and device.
  init(_ identity: String, _ options: [UInt8], _ text: String) {
    var head: [UInt8] = []
    for part in [Array(identity.utf8), options, Array(text.utf8)] {
      head += CacheKey.bytes(UInt64(part.count)) + part
    }
    self.head = head
  }

  private static func bytes(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
  }

  private static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var hash = FNV1a()
    hash.add(bytes)
    return hash.hash
  }

  var fileName: String {
    String(CacheKey.hash(head), radix: 16) + "." + CacheKey.pathExtension
  }

  /// The key, then a hash of the payload, then the payload.
  func file(_ payload: [UInt8]) -> Data {
    Data(head + CacheKey.bytes(CacheKey.hash(payload)) + payload)
  }

  /// The payload of a file of this key; nil where it is another key's, or damaged.
  func payload(of file: Data) -> [UInt8]? {
    guard file.count > head.count + 8, file.starts(with: head) else { return nil }
    let rest = file.dropFirst(head.count)
    let payload = [UInt8](rest.dropFirst(8))
    return Array(rest.prefix(8)) == CacheKey.bytes(CacheKey.hash(payload)) ? payload : nil
  }
}
