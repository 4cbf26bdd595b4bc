extension Report {
  private static let commandLimit = 40
  private static let listLimit = 12

  /// How to repeat the runs, with what, and on which weights and updates.
  var origin: [ReportBlock]? {
    let records = input.records
    guard !records.isEmpty else { return nil }
    let commands = commands
    let shown = commands.prefix(Report.commandLimit).map(\.withoutFolders)
    let lines = shown.map { $0.line.clipped(to: ReportText.limit) }
    var notes = distinct(commands.compactMap(\.note))
    if zip(commands, shown).contains(where: { $0 != $1 }) {
      notes.append(
        "Folders are left out of these commands: run them where the files lie, or see the report as JSON."
      )
    }
    if records.contains(where: { $0.trials.contains { $0.reason == .goalReached } }) {
      notes.append(
        "An audit ends attacks once an image can be recognised; these go on to their end.")
    }
    if records.contains(where: { $0.experiment == nil }) {
      notes.append(
        "Records before version 3 hold no experiment, so no command repeats their runs.")
    }
    let devices = records.compactMap(\.device)
    if !devices.isEmpty {
      notes.append(
        "Not all runs were computed by gradleak's own engine, as the commands are: rounding may differ."
      )
    }
    if commands.count > shown.count {
      notes.append("\(commands.count - shown.count) more commands are in the report as JSON.")
    }
    func list(_ values: [String], _ style: ReportText.Style = .plain, by separator: String)
      -> ReportText
    {
      let all = distinct(values.map { $0.withoutFolders.clipped(to: 200) })
      let rest = all.count > Report.listLimit ? " and \(all.count - Report.listLimit) more" : ""
      let first = all.prefix(Report.listLimit).joined(separator: separator)
      return "\(first, style)\(rest)"
    }
    let versions = list(records.map { String($0.version) }, by: ", ")
    var blocks: [ReportBlock] = [
      .paragraph("The same seed, build and machine give the same records to the byte.")
    ]
    if !lines.isEmpty { blocks.append(.commands(lines)) }
    return blocks + notes.map { .paragraph(ReportText($0), .note) } + [
      .facts(
        [
          ReportFact("Runs made by", "gradleak \(list(records.map(\.tool), by: ", "))"),
          ReportFact(
            "Records", "version \(versions), from \(list(input.runs.map(\.path), by: ", "))"),
          ReportFact("Weights", list(records.map(\.model.weights.description), by: "; ")),
          ReportFact("Hash of the weights", list(records.map(\.model.fingerprint), .code, by: " ")),
          ReportFact(
            "Hash of the updates", list(records.map(\.update.fingerprint), .code, by: " ")),
          ReportFact("Loss", list(records.map(\.update.loss), by: ", ")),
        ] + (devices.isEmpty ? [] : [ReportFact("Computed on", list(devices, by: "; "))]))
    ]
  }
}
