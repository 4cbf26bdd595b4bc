import Foundation

/// Private data that are no pictures, beside what came back of them.
extension Report {
  /// Iterations shown of one run at most, evenly spread.
  private static let courseRows = 10
  private static let runLimit = 50
  /// Rows of one run.
  private static let exampleLimit = 200

  /// The records on data other than pictures.
  var otherRecords: [RunRecord] { input.records.filter { $0.kind != .pictures } }

  /// What the section is called, such as "Texts".
  var examplesTitle: String {
    let name = otherRecords.first.map { DataKinds.descriptor($0.kind).plural } ?? "examples"
    return name.prefix(1).uppercased() + name.dropFirst()
  }

  /// One part for each run: the private data beside what came back, and the way there.
  var examples: [ReportBlock]? {
    let runs = otherRecords
    guard !runs.isEmpty else { return nil }
    let shown = runs.prefix(Report.runLimit).enumerated().map { index, record in
      (
        isJudged: !verdict.isDefended && (record.defence?.chain ?? .none).isEmpty,
        blocks: run(record, number: index + 1)
      )
    }
    let judged = shown.filter { $0.isJudged || verdict.isDefended }
    let others = shown.filter { !$0.isJudged && !verdict.isDefended }
    var blocks = judged.flatMap(\.blocks)
    if !others.isEmpty {
      blocks += [
        .paragraph(
          "\(others.count) more are of defended updates; what came back is among the \("numbers", .link("numbers")).",
          .note),
        .folded(
          "\(others.count) runs on defended updates", others.flatMap(\.blocks), isOnPaper: false),
      ]
    }
    if runs.count > shown.count {
      blocks.append(
        .paragraph("\(runs.count - shown.count) more runs are in the report as JSON.", .note))
    }
    return blocks
  }

  private func run(_ record: RunRecord, number: Int) -> [ReportBlock] {
    let kind = DataKinds.descriptor(record.kind)
    let guesses = record.examples.first?.baselines.map(\.name) ?? []
    let shown = record.examples.prefix(Report.exampleLimit)
    let rows = shown.map { example -> [ReportText] in
      let level = record.level(of: example)
      let scores = ([example.score] + example.guesses.map(\.score)).map {
        ReportText(kind.text($0))
      }
      // A file may have fewer guesses for one example than for another.
      let places = guesses.count + 1
      return [
        example.original.map { ReportText(verbatim: $0) } ?? "not known",
        example.recovered.isEmpty ? "nothing" : ReportText(verbatim: example.recovered),
        ReportText(level.words, .tone(level.tone)),
      ] + (scores + Array(repeating: "–", count: places)).prefix(places)
    }
    let table = ReportTable(
      label: "\(examplesTitle) of run \(number)",
      columns: [("private", .text), ("recovered", .text), ("came back", .plain)]
        + ([kind.score] + guesses).map { ($0.clipped(to: 40), .number) },
      rows: rows)
    let omitted = record.examples.count - shown.count
    let title =
      "\(record.title), attack \(record.configuration.attackName), seed \(record.configuration.seed)"
    return [
      .heading(title.withoutFolders.clipped(to: 200)),
      .paragraph(ReportText(facts(record)), .note),
      .table(record.kind == .rows ? rowTable(record, number: number) ?? table : table),
    ]
      + (omitted > 0
        ? [.paragraph("\(omitted) more are in the report as CSV.", .note)] : [])
      + signalCharts(record) + bag(record) + course(record, number: number)
  }

  private func facts(_ record: RunRecord) -> String {
    var facts = [
      "By \(record.method ?? record.configuration.attackName)",
      "batch of \(record.update.batchSize)", "\(record.model.weights)",
    ]
    if let defence = record.defence { facts.append("defence \(defence.chain)") }
    if let training = record.update.training { facts.append(training) }
    if let distance = record.relativeDistance {
      facts.append(
        record.isCertain == true
          ? "certain: its own update is the shared one"
          : String(format: "its update differs by %.1e of its squared norm", distance.value))
    }
    return facts.joined(separator: "; ") + ". Threat model: \(record.threatModel)."
  }

  private func bag(_ record: RunRecord) -> [ReportBlock] {
    guard let bag = record.text?.bagOfWords, record.isCertain != true else { return [] }
    let words = ReportText(verbatim: bag.joined(separator: " "))
    return [.paragraph("Tokens that the update tells, in no order: \(words)", .note)]
  }

  /// The paper's table (Zhu et al. 2019, table 2): what stood in the dummy's place at each iteration.
  private func course(_ record: RunRecord, number: Int) -> [ReportBlock] {
    let steps = record.text?.course ?? []
    guard steps.count > 1 else { return [] }
    let last = steps.count - 1
    let count = min(Report.courseRows, steps.count)
    var rows = (0..<count).map { index -> [ReportText] in
      let step = steps[index * last / (count - 1)]
      return [
        ReportText(String(step.iteration)), ReportText(String(format: "%.2e", step.loss.value)),
        ReportText(verbatim: step.texts.joined(separator: " | ")),
      ]
    }
    let originals = record.examples.prefix(Report.exampleLimit).compactMap(\.original)
    if !originals.isEmpty {
      rows.append([
        ReportText("private", .strong), "",
        ReportText(verbatim: originals.joined(separator: " | ")),
      ])
    }
    return [
      .table(
        ReportTable(
          label: "Course of run \(number)", caption: "Sentence by iteration",
          columns: [("iteration", .number), ("loss", .number), ("sentence", .text)], rows: rows))
    ]
  }

  /// All of them in one table; nil without.
  var exampleTable: ReportTable? {
    let rows = otherRecords.lazy.flatMap { record in
      record.examples.lazy.map { example -> [ReportText] in
        let level = record.level(of: example)
        return [
          example.original.map { ReportText(verbatim: $0) } ?? "not known",
          example.recovered.isEmpty ? "nothing" : ReportText(verbatim: example.recovered),
          ReportText(record.configuration.attackName),
          ReportText(String(record.configuration.seed)),
          ReportText(record.defence?.chain.description ?? "none"),
          ReportText(DataKinds.descriptor(record.kind).text(example.score)),
          ReportText(level.words, .tone(level.tone)),
        ]
      }
    }
    let shown = Array(rows.prefix(Report.rowLimit))
    guard !shown.isEmpty else { return nil }
    let omitted = otherRecords.reduce(0) { $0 + $1.examples.count } - shown.count
    return ReportTable(
      label: "Table of all \(examplesTitle.lowercased())",
      caption: omitted > 0 ? "\(omitted) more rows are in the report as CSV." : nil,
      columns: [
        ("private", .text), ("recovered", .text), ("attack", .name), ("seed", .number),
        ("defence", .name), ("score", .number), ("came back", .plain),
      ], rows: shown)
  }
}

extension RunRecord {
  /// The model with what it ends in.
  fileprivate var title: String {
    [model.name, text?.head].compactMap(\.self).joined(separator: ", ")
  }
}
