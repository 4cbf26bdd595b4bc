import Foundation

/// Private data that are no pictures, beside what came back of them.
extension Report {
  /// Iterations shown of one run at most, evenly spread.
  private static let courseRows = 10
  private static let runLimit = 50

  /// The records on data other than pictures.
  var otherRecords: [RunRecord] { input.records.filter { $0.kind != .pictures } }

  /// What the section is called, such as "Texts".
  var examplesTitle: String {
    let name = otherRecords.first.map { DataKinds.descriptor($0.kind).plural } ?? "examples"
    return name.prefix(1).uppercased() + name.dropFirst()
  }

  /// One part for each run: the private data beside what came back, and the way there.
  var examples: HTML? {
    let runs = otherRecords
    guard !runs.isEmpty else { return nil }
    let parts = runs.prefix(Report.runLimit).enumerated().map { index, record in
      run(record, number: index + 1)
    }
    let omitted = runs.count - parts.count
    let note: HTML =
      omitted > 0
      ? "<p class=\"note\">\(omitted) more runs are in the report as JSON.</p>\n" : .none
    return "\(parts)\(note)"
  }

  private func run(_ record: RunRecord, number: Int) -> HTML {
    let kind = DataKinds.descriptor(record.kind)
    let guesses = record.examples.first?.baselines.map(\.name) ?? []
    let rows = record.examples.map { example -> HTML in
      let level = record.level(of: example)
      let numbers = ([example.score] + example.guesses.map(\.score)).map { score -> HTML in
        "<td class=\"number\">\(kind.text(score))</td>"
      }
      return """
        <tr><td class="text">\(example.original ?? "not known")</td>\
        <td class="text">\(example.recovered.isEmpty ? "nothing" : example.recovered)</td>\
        <td><b class="\(level.tone)">\(level.words)</b></td>\(numbers)</tr>

        """
    }
    let heads = ([kind.score] + guesses).map { name -> HTML in
      "<th scope=\"col\" class=\"number\">\(name)</th>"
    }
    return """
      <h3>\(record.title), attack \(record.configuration.attackName), seed \
      \(String(record.configuration.seed))</h3>
      <p class="note">\(facts(record))</p>
      <div class="scroll" tabindex="0" role="region" aria-label="\(examplesTitle) of run \(String(number))">
      <table>
      <thead><tr><th scope="col">private</th><th scope="col">recovered</th>\
      <th scope="col">came back</th>\(heads)</tr></thead>
      <tbody>
      \(rows)</tbody>
      </table>
      </div>
      \(bag(record))\(course(record, number: number))
      """
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

  private func bag(_ record: RunRecord) -> HTML {
    guard let bag = record.text?.bagOfWords, record.isCertain != true else { return .none }
    return
      "<p class=\"note\">Tokens that the update tells, in no order: \(bag.joined(separator: " "))</p>\n"
  }

  /// The paper's table (Zhu et al. 2019, table 2): what stood in the dummy's place at each iteration.
  private func course(_ record: RunRecord, number: Int) -> HTML {
    let steps = record.text?.course ?? []
    guard steps.count > 1 else { return .none }
    let last = steps.count - 1
    let count = min(Report.courseRows, steps.count)
    let rows = (0..<count).map { index -> HTML in
      let step = steps[index * last / (count - 1)]
      return """
        <tr><td class="number">\(String(step.iteration))</td>\
        <td class="number">\(String(format: "%.2e", step.loss.value))</td>\
        <td class="text">\(step.texts.joined(separator: " | "))</td></tr>

        """
    }
    let originals = record.examples.compactMap(\.original)
    let truth: HTML =
      originals.isEmpty
      ? .none
      : """
      <tr><td class="number" colspan="2"><b>private</b></td>\
      <td class="text">\(originals.joined(separator: " | "))</td></tr>

      """
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="Course of run \(String(number))">
      <table>
      <caption>Sentence by iteration</caption>
      <thead><tr><th scope="col" class="number">iteration</th>\
      <th scope="col" class="number">loss</th><th scope="col">sentence</th></tr></thead>
      <tbody>
      \(rows)\(truth)</tbody>
      </table>
      </div>

      """
  }

  /// A table of them in Markdown; none without.
  var exampleTable: [[String]] {
    otherRecords.flatMap { record in
      record.examples.map { example in
        [
          example.original ?? "not known",
          example.recovered.isEmpty ? "nothing" : example.recovered,
          record.configuration.attackName, String(record.configuration.seed),
          record.defence?.chain.description ?? "none",
          DataKinds.descriptor(record.kind).text(example.score), record.level(of: example).words,
        ]
      }
    }
  }
}

extension RunRecord {
  /// The model with what it ends in.
  fileprivate var title: String {
    [model.name, text?.head].compactMap(\.self).joined(separator: ", ")
  }
}
