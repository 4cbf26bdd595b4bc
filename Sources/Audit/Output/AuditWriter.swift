import ModelIO

/// Writes an audit to a folder: what ``ResultWriter`` writes of the undefended updates, the records of
/// the defended ones, and the report.
public struct AuditWriter: Sendable {
  private let folder: OutputFolder
  private let results: ResultWriter

  /// Nothing is made before there is something to write.
  ///
  /// - Throws: ``FileError`` when the folder could not be made or written to.
  public init(folder path: String) throws(FileError) {
    folder = try OutputFolder(path)
    results = try ResultWriter(folder: path)
  }

  /// - Returns: what was written, for people.
  /// - Throws: ``FileError`` when a file cannot be written.
  public func write(_ result: LeakageAudit.Result) throws -> String {
    _ = try results.write(result.undefended)
    var input = ReportInput(
      records: result.undefended.map(\.record), folder: folder.path,
      path: folder.path(of: "run.json"))
    let defended = folder.path(of: LeakageAudit.defendedFile)
    try AtomicFile.write(try ResultWriter.json(result.defended), to: defended)
    input.add(ReportInput(records: result.defended, folder: nil, path: defended))
    let page = try Report(input, remarks: result.remarks).text(.html)
    try AtomicFile.write(page, to: folder.path(of: "report.html"))
    return "\(folder.path(of: "report.html")), run.json, \(LeakageAudit.defendedFile), trace.csv "
      + "and the pictures"
  }
}
