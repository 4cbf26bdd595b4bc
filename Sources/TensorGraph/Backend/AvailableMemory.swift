#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How much more memory this process can have.
public enum AvailableMemory {
  /// Bytes, the least of what the limits of the process (`ulimit -v`, `ulimit -d`), its control group and the
  /// machine leave.
  public static var byteCount: Int {
    [processLimit, groupLimit, machineLimit].compactMap(\.self).min() ?? .max
  }

  /// What the limits on address space and data leave; nil without a limit.
  private static var processLimit: Int? {
    let used = firstNumbers(of: "/proc/self/statm", count: 6)
    let page = Int(getpagesize())
    var left: [Int] = []
    for (resource, pages) in [
      (addressSpace, used?.first), (data, used.flatMap { $0.count > 5 ? $0[5] : nil }),
    ] {
      var limit = rlimit()
      guard resource(&limit) == 0, limit.rlim_cur < rlim_t(Int.max) else { continue }
      left.append(max(Int(limit.rlim_cur) - (pages ?? 0) * page, 0))
    }
    return left.min()
  }

  private static func addressSpace(_ limit: inout rlimit) -> Int32 {
    #if canImport(Glibc)
      getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    #else
      getrlimit(RLIMIT_AS, &limit)
    #endif
  }

  private static func data(_ limit: inout rlimit) -> Int32 {
    #if canImport(Glibc)
      getrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
    #else
      getrlimit(RLIMIT_DATA, &limit)
    #endif
  }

  /// What the control group leaves (containers); nil without one that limits.
  private static var groupLimit: Int? {
    let folders = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
    let uses = ["/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes"]
    for (limit, use) in zip(folders, uses) {
      guard let most = firstNumbers(of: limit, count: 1)?.first, most < 1 << 60 else { continue }
      // Files that were read count as used, and give way.
      let used = firstNumbers(of: use, count: 1)?.first ?? 0
      return max(most - used + cachedFiles, 0)
    }
    return nil
  }

  private static var cachedFiles: Int {
    guard let text = text(of: "/sys/fs/cgroup/memory.stat") else { return 0 }
    return text.split(separator: "\n").filter {
      $0.hasPrefix("inactive_file ") || $0.hasPrefix("active_file ")
    }
    .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
  }

  /// What the machine has left; nil where it does not say.
  private static var machineLimit: Int? {
    guard let text = text(of: "/proc/meminfo") else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
  }

  private static func firstNumbers(of path: String, count: Int) -> [Int]? {
    guard let text = text(of: path) else { return nil }
    let numbers = text.split(whereSeparator: \.isWhitespace).prefix(count).compactMap { Int($0) }
    return numbers.isEmpty ? nil : numbers
  }

  /// A small file of the kernel's.
  private static func text(of path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
