import Foundation
import Leakage

extension Report {
  /// The report as one HTML file that loads nothing.
  var page: String {
    let sections = [
      Section("pictures", "Pictures", pictures), Section("examples", examplesTitle, examples),
      Section("course", "Course of the attack", curves),
      Section("defences", "Defences", defences),
      Section("determinacy", "What the gradient determines", determinacy),
      Section("assumptions", "Threat model and limits", assumptions),
      Section("numbers", "Numbers", numbers), Section("repeat", "Repeat it", origin),
    ].filter { $0.content != nil }
    let html: HTML = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="generator" content="gradleak \(GradleakVersion.current)">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
      img-src data:; style-src 'unsafe-inline'">
      <link rel="icon" href="data:,">
      <title>\(title)</title>
      <style>
      \(HTML(markup: ReportStyle.sheet))
      </style>
      </head>
      <body>
      <header>
      <a class="skip" href="#verdict">Skip to the verdict</a>
      <p class="kicker">gradleak: what shared gradients give away</p>
      <h1>\(headline)</h1>
      <p class="soft">\(subject)</p>
      </header>
      <main>
      \(verdictBlock)
      <nav aria-label="Sections"><ul>
      \(sections.map { "<li><a href=\"#\($0.id)\">\($0.title)</a></li>\n" as HTML })</ul></nav>
      \(sections.map(\.markup))</main>
      <footer>Made by gradleak \(GradleakVersion.current) from records alone. It shows what these \
      attacks reached; that an attack failed does not prove that data is safe.</footer>
      </body>
      </html>

      """
    return html.markup
  }

  private struct Section {
    let id: String
    let title: String
    let content: HTML?

    init(_ id: String, _ title: String, _ content: HTML?) {
      self.id = id
      self.title = title
      self.content = content
    }

    var markup: HTML {
      """
      <section id="\(id)" aria-labelledby="\(id)-title">
      <h2 id="\(id)-title">\(title)</h2>
      \(content ?? .none)</section>

      """
    }
  }

  // MARK: - Verdict

  private var title: String {
    verdict.examples.isEmpty ? "gradleak report" : "\(verdict.grade.title): \(headline)"
  }

  /// What came back, in a few words.
  var headline: String {
    guard !verdict.examples.isEmpty else {
      return sweeps.isEmpty ? "What a gradient determines" : "What defences do"
    }
    let count = verdict.examples.count
    let noun = "private " + (count == 1 ? verdict.kind.singular : verdict.kind.plural)
    if verdict.full.leaked > 0 {
      return "\(verdict.full.leaked) of \(count) \(noun) came back in full"
    }
    if verdict.recognisable.leaked > 0 {
      return "\(verdict.recognisable.leaked) of \(count) \(noun) can be recognised"
    }
    if verdict.grade == .notShown {
      return "Not shown for \(verdict.recognisable.undetermined) of \(count) \(noun)"
    }
    return "None of \(count) \(noun) can be recognised"
  }

  /// Models, attacks, runs.
  private var subject: String {
    func list(_ values: [String]) -> String {
      var seen: Set<String> = []
      return values.filter { seen.insert($0).inserted }.joined(separator: ", ")
    }
    let records = input.records
    guard !records.isEmpty else { return "" }
    let models = list(
      records.map {
        "\($0.model.name) (\($0.model.activation), \($0.model.parameterCount) parameters)"
      })
    let attacks = list(records.map(\.configuration.attackName))
    let batches = list(records.map { String($0.update.batchSize) })
    let runs = records.count == 1 ? "1 run" : "\(records.count) runs"
    return "Model \(models); attack \(attacks); batch \(batches); \(runs)."
  }

  private var verdictBlock: HTML {
    guard !verdict.examples.isEmpty else { return "<div id=\"verdict\"></div>" }
    let grade = verdict.grade
    let sentences = verdict.sentences.enumerated().map { index, sentence -> HTML in
      index == 0 ? "<p><strong>\(sentence)</strong></p>" : "<p>\(sentence)</p>"
    }
    let stops = defenceStatements
    let defences: HTML =
      stops.isEmpty
      ? .none : "<p>Defences: see <a href=\"#defences\">how strong they must be</a>.</p>"
    return """
      <section id="verdict" class="verdict \(grade.tone)" aria-labelledby="verdict-title">
      <p class="grade" aria-hidden="true">\(grade == .notShown ? "?" : grade.rawValue)<small>A to F</small></p>
      <div>
      <h2 id="verdict-title">\(grade.title): \(grade.headline(verdict.kind))</h2>
      \(sentences)\(defences)<details><summary>What the grades mean</summary>
      <dl class="facts">\(LeakageGrade.allCases.map { "<dt>\($0.rawValue)</dt><dd>\($0.definition(verdict.kind))</dd>" as HTML })</dl>
      </details>
      </div>
      </section>
      \(figures)

      """
  }

  /// A phrase such as "a random image has" as a name, "random image".
  private static func guessName(_ phrase: String) -> String {
    switch phrase {
    case "a random image has": "random image"
    case "a grey one": "grey"
    default: phrase.hasSuffix(" have") ? String(phrase.dropLast(5)) : phrase
    }
  }

  private var figures: HTML {
    func share(_ leaked: Int, _ count: Int, _ interval: ClosedRange<Double>, _ open: Int = 0)
      -> HTML
    {
      let (low, high) = (interval.lowerBound, interval.upperBound)
      return """
        \(leaked) of \(count)<small>\(open > 0 ? "\(open) undetermined, " : "")95 % interval \
        \(Int((low * 100).rounded()))–\(Int((high * 100).rounded())) %</small>
        """
    }
    func share(_ rate: LeakRate) -> HTML {
      share(rate.leaked, rate.count, rate.interval, rate.undetermined)
    }
    let labels = verdict.labels
    let (kind, examples) = (verdict.kind, verdict.examples)
    let score = kind.text(medianNumber(examples.map(\.score))) + kind.unit
    let guesses = (examples.first?.guesses ?? []).enumerated().map { place, guess in
      let scores = examples.map {
        $0.guesses.indices.contains(place) ? $0.guesses[place].score : .nan
      }
      return "\(Report.guessName(guess.phrase)) \(kind.text(medianNumber(scores)))"
    }
    return """
      <dl class="figures">
      <div><dt>In full</dt><dd>\(share(verdict.full))</dd></div>
      <div><dt>Recognisable</dt><dd>\(share(verdict.recognisable))</dd></div>
      <div><dt>Labels right</dt><dd>\(share(labels.successes, labels.count, labels.interval))</dd></div>
      <div><dt>Median \(kind.score)</dt><dd>\(score)<small>\(guesses.joined(separator: ", "))</small></dd></div>
      </dl>
      """
  }
}

extension LeakageGrade {
  /// The class that colours it; the letter and words say the same.
  var tone: String {
    switch self {
    case .A, .B: "safe"
    case .C, .D, .notShown: "some"
    case .E, .F: "leak"
    }
  }
}

extension LeakLevel {
  var tone: String {
    switch self {
    case .nothing, .label: "safe"
    case .undetermined, .recognisable: "some"
    case .full: "leak"
    }
  }
}
