import Foundation
import ModelIO

/// What a report is made from: records with the pictures beside them, results of sweeps, analyses.
public struct ReportInput: Sendable {
  /// The records of one file.
  public struct Runs: Sendable {
    /// The file's.
    public let path: String
    /// As the file has them.
    public let records: [RunRecord]
    /// Where the pictures lie; nil when there are none.
    let folder: String?
  }

  /// What `gradleak analyse --out` wrote.
  struct Analysis: Sendable {
    let record: AnalysisRecord
    let folder: String
  }

  /// One for each file.
  public private(set) var runs: [Runs] = []
  var analyses: [Analysis] = []
  /// Sweeps whose records are not at hand, only their tables.
  var sweeps: [SweepReport] = []
  /// What defences cost the training.
  var prices: [PriceReport] = []
  /// What was found out about the same clients' privacy.
  private(set) var privacy = PrivacyRecords()
  /// When the newest of the files was written; nil for records in memory.
  private(set) var newest: Date?

  /// Nothing to report yet.
  public init() {}

  /// Records that are in memory, with the folder that ``ResultWriter`` wrote their pictures to.
  public init(records: [RunRecord], folder: String?, path: String) {
    runs = [Runs(path: path, records: records, folder: folder)]
  }

  /// Adds what an audit learnt of members and properties.
  package mutating func addInference(of result: LeakageAudit.Result) {
    privacy.memberships += result.memberships
    privacy.properties += result.properties
  }

  /// All records, in order.
  public var records: [RunRecord] { runs.flatMap(\.records) }

  /// Whether there is nothing to report.
  public var isEmpty: Bool {
    runs.allSatisfy(\.records.isEmpty) && analyses.isEmpty && sweeps.isEmpty && prices.isEmpty
      && privacy.isEmpty
  }

  /// Adds all of another.
  public mutating func add(_ other: ReportInput) {
    runs += other.runs
    analyses += other.analyses
    sweeps += other.sweeps
    prices += other.prices
    privacy += other.privacy
    newest = [newest, other.newest].compactMap(\.self).max()
  }

  /// Adds a result folder, or a file: `run.json`, `analysis.json`, `membership.json`, `property.json`, a sweep's results (SQLite), or what
  /// `sweep`, `price`, `check-dp` and `audit-mechanism` print with `--json`.
  ///
  /// - Throws: `FileError` when it is missing, damaged, another program's or a newer gradleak's.
  public mutating func add(path: String) throws(FileError) {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      try addFolder(path)
    } else {
      try addFile(path)
    }
  }

  private mutating func addFolder(_ folder: String) throws(FileError) {
    // Without a number first.
    let inference =
      (try? FileManager.default.contentsOfDirectory(atPath: folder))?
      .filter(AuditWriter.isOfInference).sorted { ($0.count, $0) < ($1.count, $1) } ?? []
    let files = (["run.json", LeakageAudit.defendedFile, "analysis.json"] + inference)
      .map { ReportInput.path(of: $0, in: folder) }
    let present = files.filter { FileManager.default.fileExists(atPath: $0) }
    guard !present.isEmpty else {
      let old = ReportInput.path(of: "text.json", in: folder)
      guard !FileManager.default.fileExists(atPath: old) else {
        throw FileError(
          path: old, problem: "these records of texts are an older gradleak's",
          remedy: "attack the texts again; records of texts are in run.json now")
      }
      throw FileError(
        path: folder, problem: "there is no run.json or analysis.json in this folder",
        remedy: "give a folder of results that gradleak wrote")
    }
    for file in present { try addFile(file) }
  }

  private mutating func addFile(_ path: String) throws(FileError) {
    let expected = ReportInput.expected
    let bytes = try InputFile.bytes(at: path, expected: expected, limit: ReportInput.fileLimit)
    guard !bytes.isEmpty else {
      throw FileError(path: path, problem: "the file is empty", remedy: "give \(expected)")
    }
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    newest = [newest, attributes?[.modificationDate] as? Date].compactMap(\.self).max()
    let folder =
      path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]) : "."
    if bytes.starts(with: Array("SQLite format 3\0".utf8)) {
      let records = try SweepStore(path: path).entries().map(\.record)
      runs.append(Runs(path: path, records: try ReportInput.checked(records, path), folder: nil))
      return
    }
    switch bytes.first(where: { !" \t\r\n".utf8.contains($0) }) {
    case UInt8(ascii: "{"):
      try addObject(bytes, path, folder: folder)
    default:
      let records = try RunRecord.read(bytes: bytes, path: path)
      // Pictures beside it are those of undefended updates: names are the same.
      let hasPictures =
        path.split(separator: "/").last.map(String.init) != LeakageAudit.defendedFile
      runs.append(
        Runs(
          path: path, records: try ReportInput.checked(records, path),
          folder: hasPictures ? folder : nil))
    }
  }

  private static let fileLimit = 1 << 30
  private static let expected =
    "a run.json, an analysis.json, the results of a sweep, or what check-dp, audit-mechanism or infer print as JSON"

  /// A JSON object: an analysis, or a sweep's report.
  private mutating func addObject(
    _ bytes: [UInt8], _ path: String, folder: String
  ) throws(FileError) {
    let data = Data(bytes)
    if let record = try? JSONDecoder().decode(AnalysisRecord.self, from: data) {
      analyses.append(Analysis(record: record, folder: folder))
    } else if let record = try? JSONDecoder().decode(MechanismRecord.self, from: data),
      record.isSound
    {
      privacy.mechanisms.append(record)
    } else if let record = try? JSONDecoder().decode(PrivacyClaimRecord.self, from: data),
      record.isSound
    {
      privacy.claims.append(record)
    } else if let record = try? JSONDecoder().decode(MembershipRecord.self, from: data),
      record.isSound
    {
      privacy.memberships.append(record)
    } else if let record = try? JSONDecoder().decode(PropertyRecord.self, from: data),
      record.isSound
    {
      privacy.properties.append(record)
    } else if let sweep = try? JSONDecoder().decode(SweepReport.self, from: data), sweep.isSound {
      sweeps.append(sweep)
    } else if let price = try? JSONDecoder().decode(PriceReport.self, from: data), price.isSound {
      prices.append(price)
    } else {
      throw FileError(
        path: path, problem: "this is no record of gradleak, or it is cut short",
        remedy: "give \(ReportInput.expected)")
    }
  }

  /// Numbers that no run has, which would lead the report astray.
  private static func checked(
    _ records: [RunRecord], _ path: String
  ) throws(FileError) -> [RunRecord] {
    for (index, record) in records.enumerated() {
      let counts =
        record.model.inputShape + [
          record.model.classCount, record.model.parameterCount, record.update.batchSize,
          record.defence?.wireByteCount ?? 0, record.defence?.plainByteCount ?? 0,
        ]
      let limit = 1 << 48
      guard record.hasSoundScores else {
        throw FileError(
          path: path, problem: "record \(index) has a score that no run has",
          remedy: "give a run.json that gradleak wrote")
      }
      guard counts.allSatisfy({ (0...limit).contains($0) }),
        record.trace.allSatisfy({ (0...limit).contains($0.iteration) })
      else {
        throw FileError(
          path: path, problem: "record \(index) has a size or count that no run has",
          remedy: "give a run.json that gradleak wrote")
      }
    }
    return records
  }

  static func path(of name: String, in folder: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }
}
