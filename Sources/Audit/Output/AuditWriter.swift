import ModelIO

/// Writes an audit to a folder: what ``ResultWriter`` writes of the undefended updates, the records of
/// the defended ones, and the report.
public struct AuditWriter: Sendable {
  private let folder: OutputFolder
  private let date: ReportDate?
  private let makeCommands: ReproductionCommand.Maker

  /// - Parameters:
  ///   - date: the day that the report bears; nil for none.
  ///   - makeCommands: makes the commands that repeat experiments.
  public init(
    folder: OutputFolder, date: ReportDate? = nil,
    makeCommands: @escaping ReproductionCommand.Maker
  ) {
    self.folder = folder
    self.date = date
    self.makeCommands = makeCommands
  }

  /// - Returns: what was written, for people.
  /// - Throws: `FileError` when a file cannot be written.
  public func write(_ result: LeakageAudit.Result) throws -> String {
    let kept = try folder.replace { staged in
      try ResultWriter(folder: folder).write(result.undefended, to: staged)
      // The report's pictures are taken from where they are now, and its paths are the final ones.
      var input = ReportInput(
        records: result.undefended.map(\.record), folder: staged.path(of: "."),
        path: folder.path(of: "run.json"))
      try AtomicFile.write(
        try ResultWriter.json(result.defended), to: staged.path(of: LeakageAudit.defendedFile))
      input.add(
        ReportInput(
          records: result.defended, folder: nil, path: folder.path(of: LeakageAudit.defendedFile)))
      let page = try Report(
        input, remarks: result.remarks, defencesLeftOut: result.defencesLeftOut, date: date,
        makeCommands: makeCommands
      ).text(.html)
      try AtomicFile.write(page, to: staged.path(of: "report.html"))
    }
    return "\(folder.path(of: "report.html")), run.json, \(LeakageAudit.defendedFile), trace.csv "
      + "and the pictures" + OutputFolder.note(kept)
  }
}
