import Foundation
import Leakage

/// Texts that attacks on language models brought back.
extension Report {
  /// Iterations shown of one run at most, evenly spread.
  private static let courseRows = 10

  /// One part for each run on texts: the texts beside what came back, and the sentences on the way.
  var texts: HTML? {
    let runs = input.texts
    guard !runs.isEmpty else { return nil }
    let parts = runs.prefix(Report.textRunLimit).enumerated().map { index, record in
      textRun(record, number: index + 1)
    }
    let omitted = runs.count - parts.count
    let note: HTML =
      omitted > 0
      ? "<p class=\"note\">\(omitted) more runs are in the report as JSON.</p>\n" : .none
    return "\(textSummary)\(parts)\(note)"
  }

  private static let textRunLimit = 50

  /// In one sentence: how many texts came back exactly, beside guessing.
  var textSentence: String? {
    let scored = input.texts.flatMap(\.texts).filter { $0.exactMatch != nil }
    guard !scored.isEmpty else { return nil }
    let exact = SuccessRate(scored.map { $0.exactMatch == true })
    func mean(_ values: [Double]) -> String {
      String(format: "%.2f", values.reduce(0, +) / Double(max(values.count, 1)))
    }
    let baselines = input.texts.flatMap(\.baselines)
    let guesses = Array(Set(baselines.map(\.name))).sorted().map { name in
      "\(name) \(mean(baselines.filter { $0.name == name }.map(\.rouge1)))"
    }
    return "Of the private texts, \(exact) came back word for word; mean ROUGE-1 "
      + "\(mean(scored.compactMap(\.rouge1)))"
      + (guesses.isEmpty ? "." : "; guessing gives: \(guesses.joined(separator: ", ")).")
  }

  private var textSummary: HTML {
    textSentence.map { "<p>\($0)</p>\n" as HTML } ?? .none
  }

  private func textRun(_ record: TextRecord, number: Int) -> HTML {
    let scores = record.texts.map { text -> HTML in
      let isScored = text.exactMatch != nil
      let mark: HTML =
        switch text.exactMatch {
        case true?: "<b class=\"leak\">exact</b>"
        case false?: "<b class=\"safe\">not exact</b>"
        case nil: "–"
        }
      return """
        <tr><td class="text">\(text.original ?? "not known")</td>\
        <td class="text">\(text.recovered.isEmpty ? "nothing" : text.recovered)</td>\
        <td>\(mark)</td><td class="number">\(isScored ? score(text.tokenAccuracy) : "–")</td>\
        <td class="number">\(isScored ? score(text.rouge1) : "–")</td></tr>

        """
    }
    let region = "Texts of run \(number)"
    return """
      <h3>\(record.model), \(record.head), attack \(record.attack), seed \(String(record.seed))</h3>
      <p class="note">\(textFacts(record))</p>
      <div class="scroll" tabindex="0" role="region" aria-label="\(region)">
      <table>
      <thead><tr><th scope="col">private</th><th scope="col">recovered</th><th scope="col">match</th>\
      <th scope="col" class="number">tokens</th><th scope="col" class="number">ROUGE-1</th></tr></thead>
      <tbody>
      \(scores)</tbody>
      </table>
      </div>
      \(course(record, number: number))
      """
  }

  private func textFacts(_ record: TextRecord) -> String {
    var facts = ["By \(record.method)", "batch of \(record.batchSize)", record.weights]
    if let distance = record.relativeDistance {
      facts.append(
        record.isCertain
          ? "certain: its own gradient is the shared one"
          : String(format: "gradient differs by %.1e of its squared norm", distance.value))
    }
    return facts.joined(separator: "; ") + ". Threat model: \(record.threatModel)."
  }

  /// The paper's table (Zhu et al. 2019, table 2): what stood in the dummy's place at each iteration.
  private func course(_ record: TextRecord, number: Int) -> HTML {
    let steps = record.course ?? []
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
    let truth: HTML =
      record.texts.contains { $0.original != nil }
      ? """
      <tr><td class="number" colspan="2"><b>private</b></td>\
      <td class="text">\(record.texts.compactMap(\.original).joined(separator: " | "))</td></tr>

      """ : .none
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="Course of run \(number)">
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

  private func score(_ value: Double?) -> String {
    value.map { String(format: "%.2f", $0) } ?? "–"
  }
}
