import ModelIO

/// Writes an audit to a folder: what ``ResultWriter`` writes of the undefended updates, the records of
/// the defended ones, and the report.
public struct AuditWriter: Sendable {
  private let folder: OutputFolder
  private let date: ReportDate?
  private let makeCommands: ReproductionCommand.Maker

  /// Names of the files of what was asked besides records, to which those behind defences add a number.
  private static let (membership, property) = ("membership", "property")

  /// Whether a file of such a name holds what was learnt of members or of a property.
  static func isOfInference(_ name: String) -> Bool {
    guard name.hasSuffix(".json") else { return false }
    let parts = name.dropLast(5).split(separator: "-", omittingEmptySubsequences: false)
    return parts.count <= 2 && [membership, property].contains(String(parts[0]))
      && (parts.count == 1 || Int(parts[1]) != nil)
  }

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
      input.addInference(of: result)
      for (names, texts) in [
        (AuditWriter.membership, try result.memberships.map { try ResultWriter.json($0) }),
        (AuditWriter.property, try result.properties.map { try ResultWriter.json($0) }),
      ] {
        for (index, text) in texts.enumerated() {
          let name = names + (index == 0 ? ".json" : "-\(index).json")
          try AtomicFile.write(text, to: staged.path(of: name))
        }
      }
      let page = try Report(
        input, remarks: result.remarks, defencesLeftOut: result.defencesLeftOut, date: date,
        makeCommands: makeCommands
      ).text(.html)
      try AtomicFile.write(page, to: staged.path(of: "report.html"))
    }
    let rest = result.undefended.contains { !$0.record.images.isEmpty } ? "and the pictures" : ""
    let inference = result.memberships.isEmpty ? "" : ", \(AuditWriter.membership).json"
    return "\(folder.path(of: "report.html")), run.json, \(LeakageAudit.defendedFile)\(inference)"
      + (rest.isEmpty ? " and trace.csv" : ", trace.csv \(rest)") + OutputFolder.note(kept)
  }
}
