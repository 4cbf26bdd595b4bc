extension Report {
  /// What a report is written as. A new one is a case here, and what writes it in ``Report/file(_:)``.
  public enum Format: String, CaseIterable, Sendable {
    case html
    case json
    case csv
    case markdown
    case pdf

    /// The ends of file names that mean it, the usual one first.
    public var fileExtensions: [String] {
      switch self {
      case .html: ["html", "htm"]
      case .json: ["json"]
      case .csv: ["csv"]
      case .markdown: ["md", "markdown"]
      case .pdf: ["pdf"]
      }
    }

    /// Whether it is of use in a file alone, not in a terminal.
    public var needsFile: Bool {
      switch self {
      case .html, .pdf: true
      case .json, .csv, .markdown: false
      }
    }
  }

  /// A report as it is written.
  public struct File: Sendable {
    /// UTF-8, but for a PDF.
    public let bytes: [UInt8]
    /// What the writer could not show, for people.
    public let notes: [String]

    init(_ text: String) {
      bytes = [UInt8](text.utf8)
      notes = []
    }

    init(bytes: [UInt8], notes: [String]) {
      self.bytes = bytes
      self.notes = notes
    }

    /// The bytes as text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
  }

  /// The report in one format.
  public func file(_ format: Format) throws -> File {
    switch format {
    case .html: File(content.html)
    case .json: File(try ResultWriter.json(Summary(self)))
    case .csv: File(csv)
    case .markdown: File(content.markdown)
    case .pdf: content.pdf(PDFSettings(date: date))
    }
  }

  /// The report in a format that is text.
  public func text(_ format: Format) throws -> String { try file(format).text }
}
