import CBundledFiles

/// The JSON Schemas (2020-12) of what the program writes as JSON, and of what it takes. Made from the types that are
/// encoded, by `scripts/docs/schemas.py`.
public enum RecordSchema {
  private static let folder = "schemas/"
  private static let suffix = ".json"

  /// Such as "run", the records of `run.json`, in the order of lists.
  public static let names: [String] = (0...).lazy.map { gradleak_bundled_path($0) }
    .prefix { $0 != nil }.compactMap { $0.map { String(cString: $0) } }
    .filter { $0.hasPrefix(folder) }.map {
      String($0.dropFirst(folder.count).dropLast(suffix.count))
    }

  /// The schema of this name as JSON; nil when there is none.
  public static func text(named name: String) -> String? {
    guard names.contains(name) else { return nil }
    return String(decoding: bundledFile(folder + name + suffix), as: UTF8.self)
  }
}
