import Foundation
import ModelIO

extension RunRecord {
  /// The largest file of records that is read, in bytes.
  private static let fileLimit = 1 << 30

  /// Reads the records of a file such as `run.json`.
  ///
  /// - Throws: `FileError` when the file cannot be read, holds no records, or comes from a newer
  ///   gradleak.
  public static func read(contentsOf path: String) throws(FileError) -> [RunRecord] {
    let bytes = try InputFile.bytes(
      at: path, expected: "a run.json that gradleak wrote", limit: fileLimit)
    return try read(bytes: bytes, path: path)
  }

  /// Reads records that are in memory already; `path` only names their file in messages.
  ///
  /// - Throws: `FileError` as ``read(contentsOf:)``.
  public static func read(bytes: [UInt8], path: String) throws(FileError) -> [RunRecord] {
    try WantedFile.json.refuseOthers(bytes, path: path)
    let data = Data(bytes)
    // The version first: a newer format may differ in everything else.
    let versions = try decode([VersionOnly].self, data, path).map(\.version)
    if let newer = versions.first(where: { $0 > currentVersion }) {
      throw FileError(
        path: path,
        problem: "the records have version \(newer), and gradleak \(GradleakVersion.current) reads "
          + "versions up to \(currentVersion)",
        remedy: "use a newer gradleak")
    }
    if let wrong = versions.first(where: { $0 < 1 }) {
      throw notRecords(path, "there is no version \(wrong)")
    }
    let records = try decode([RunRecord].self, data, path)
    if let broken = records.first(where: { !$0.trials.indices.contains($0.bestTrial) }) {
      throw notRecords(
        path, "trial \(broken.bestTrial) is said to be the best of \(broken.trials.count)")
    }
    return records
  }

  private struct VersionOnly: Decodable {
    let version: Int
  }

  private static func decode<Value: Decodable>(
    _ type: Value.Type, _ data: Data, _ path: String
  ) throws(FileError) -> Value {
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch let error as DecodingError {
      throw notRecords(path, error.explanation)
    } catch {
      throw notRecords(path, "\(error)")
    }
  }

  private static func notRecords(_ path: String, _ reason: String) -> FileError {
    FileError(
      path: path, problem: "these are no records of gradleak (\(reason))",
      remedy: "give a run.json that gradleak wrote")
  }
}
