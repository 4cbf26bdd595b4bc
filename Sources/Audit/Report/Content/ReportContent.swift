import ModelIO

/// All that a report says, once for every format that people read.
struct ReportContent: Sendable {
  /// What the report is called.
  let title: String
  /// Such as "28 November 2026"; nil where it is not known.
  let date: String?
  /// What was found, in a few words.
  let finding: String
  /// Who and what was audited.
  let subject: [ReportFact]
  /// That what follows is private; nil where nothing is.
  let warning: ReportText?
  let sections: [ReportSection]
  /// The last sentence.
  let closing: ReportText
}

/// One part with a heading of its own.
struct ReportSection: Sendable {
  let id: String
  let title: String
  let blocks: [ReportBlock]
}

/// What a section is made of.
indirect enum ReportBlock: Sendable {
  /// How prominent a paragraph is.
  enum Manner: Sendable {
    case usual
    case soft
    case note
  }

  case heading(String)
  case paragraph(ReportText, Manner = .usual)
  case list([ReportText])
  case facts([ReportFact])
  case table(ReportTable)
  case verdict(ReportVerdict)
  case keyFigures([ReportKeyFigure])
  case pictures([ReportPictureRow])
  /// Pictures that each need the whole width, with what each is.
  case strips([ReportPicture])
  case charts([Chart])
  /// Lines for a shell.
  case commands([String])
  /// What a screen shows when asked to, and paper only where it is not too much for it.
  case folded(String, [ReportBlock], isOnPaper: Bool = true)
}

/// A term, and what is said of it.
struct ReportFact: Sendable {
  let term: String
  let text: ReportText

  init(_ term: String, _ text: ReportText) {
    self.term = term
    self.text = text
  }
}

/// The grade with its reasons.
struct ReportVerdict: Sendable {
  /// A letter, or "?".
  let letter: String
  let tone: ReportTone
  let title: String
  let paragraphs: [ReportText]
}

/// A number that matters, with its interval.
struct ReportKeyFigure: Sendable {
  let name: String
  let value: String
  let note: String
}

/// A table whose heads are repeated on every page.
struct ReportTable: Sendable {
  /// What a column holds.
  enum Column: Sendable {
    case plain
    case name
    case number
    /// Running text, which takes the room.
    case text
  }

  /// For those who do not see it.
  let label: String
  var caption: ReportText?
  let columns: [(title: String, kind: Column)]
  let rows: [[ReportText]]
}

/// A picture and what it shows.
struct ReportPicture: Sendable {
  /// Nil where there is none.
  let image: Image?
  /// One word above or below it.
  let label: String
  /// For those who do not see it.
  let alternative: String
}

/// Pictures that belong together, such as original, recovered and difference.
struct ReportPictureRow: Sendable {
  let pictures: [ReportPicture]
  let caption: ReportText
}

// MARK: - All words

extension ReportContent {
  /// Every text, for the search of terms that the glossary explains.
  var words: [String] {
    [finding] + subject.flatMap { [$0.term, $0.text.plain] }
      + sections.flatMap { section in
        [section.title] + section.blocks.flatMap(\.words)
      }
  }
}

extension ReportBlock {
  fileprivate var words: [String] {
    switch self {
    case .heading(let text): [text]
    case .paragraph(let text, _): [text.plain]
    case .list(let items): items.map(\.plain)
    case .facts(let facts): facts.flatMap { [$0.term, $0.text.plain] }
    case .table(let table):
      [table.caption?.plain ?? ""] + table.columns.map(\.title)
        + table.rows.prefix(1000).flatMap { $0.map(\.plain) }
    case .verdict(let verdict): [verdict.title] + verdict.paragraphs.map(\.plain)
    case .keyFigures(let figures): figures.flatMap { [$0.name, $0.value, $0.note] }
    case .pictures(let rows): rows.flatMap { [$0.caption.plain] + $0.pictures.map(\.label) }
    case .strips(let pictures): pictures.map(\.alternative)
    case .charts(let charts): charts.flatMap { [$0.xTitle, $0.yTitle] }
    case .commands: []
    case .folded(let title, let blocks, _): [title] + blocks.flatMap(\.words)
    }
  }
}
