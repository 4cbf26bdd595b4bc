import ModelIO

/// What a PDF depends on besides the report.
struct PDFSettings {
  /// The day that the file says it was made on.
  var date: ReportDate?
  /// Folders with fonts for characters that the standard fonts lack.
  var fontFolders = SystemFonts.folders
  /// Whether the file is packed; a test reads it as it is.
  var isCompressed = true
}

extension ReportContent {
  /// The report as a PDF for A4.
  func pdf(_ settings: PDFSettings) -> Report.File {
    // The first time for the numbers of the pages.
    let fonts = SystemFonts(folders: settings.fontFolders)
    let first = laidOut(
      PDFDocument(width: PDFTheme.width, height: PDFTheme.height, fonts: fonts), [:])
    var setter = laidOut(
      PDFDocument(width: PDFTheme.width, height: PDFTheme.height, fonts: fonts), first.flow.pages)
    footers(&setter)
    let document = setter.flow.document
    let bytes = document.bytes(
      title: title, creator: "gradleak \(GradleakVersion.current)", day: settings.date?.digits,
      isCompressed: settings.isCompressed)
    let missing = document.fonts.missing.sorted { $0.value < $1.value }
    guard !missing.isEmpty else { return Report.File(bytes: bytes, notes: []) }
    let examples = missing.prefix(8).map {
      "\($0) (U+\(String($0.value, radix: 16, uppercase: true)))"
    }
    let note =
      "The PDF shows \(StandardFont.missingMark) for \(missing.count) characters that no TrueType font on this machine "
      + "has, such as \(examples.joined(separator: ", ")); install one that has them, or write the report as HTML."
    return Report.File(bytes: bytes, notes: [note])
  }

  private func laidOut(_ document: PDFDocument, _ pages: [String: Int]) -> PDFTypesetter {
    var setter = PDFTypesetter(flow: PDFFlow(document))
    setter.flow.place(titleBlock(&setter, pages))
    for (index, section) in sections.enumerated() {
      var boxes = setter.section(section)
      if index == sections.count - 1 {
        // The last sentence does not stand on a page of its own.
        if !boxes.isEmpty { boxes[boxes.count - 1].keepsWithNext = true }
        boxes += setter.paragraph(closing, .note, before: 20)
      }
      setter.flow.place(boxes)
    }
    return setter
  }

  /// Title, date, finding, warning, subject, contents.
  private func titleBlock(_ setter: inout PDFTypesetter, _ pages: [String: Int]) -> [PDFBox] {
    var boxes = setter.paragraph(ReportText(title), .title, before: 0)
    if let date { boxes += setter.paragraph(ReportText(date), .soft, before: 4) }
    boxes += setter.paragraph(ReportText(finding), .finding, before: 12)
    if let warning { boxes += setter.panel([(warning, .usual)], .leak, indent: 14) }
    boxes.append(PDFBox(height: 6) { _, _ in })
    boxes += setter.facts(subject)
    let entries = sections.enumerated().map { index, section -> ReportText in
      let page = pages[section.id].map { " \($0)" } ?? ""
      return "\(index > 0 ? " · " : "")\(section.title, .link(section.id))\(page)"
    }
    boxes += setter.facts([ReportFact("Contents, by page", "\(entries)")])
    return boxes
  }

  private func footers(_ setter: inout PDFTypesetter) {
    let count = setter.flow.document.pages.count
    let note = PDFStyle(size: 7.5, color: PDFTheme.soft)
    let mark = warning == nil ? "" : "Private. "
    let title = setter.set(ReportText(mark + title.clipped(to: 90)), note).first
    for index in 0..<count {
      let number = setter.set("Page \(index + 1) of \(count)", note).first
      let y = PDFTheme.height - 32
      title?.draw(on: &setter.flow.document.pages[index], x: PDFTheme.left, y: y)
      if let number {
        let x = PDFTheme.left + PDFTheme.contentWidth - number.width
        number.draw(on: &setter.flow.document.pages[index], x: x, y: y)
      }
    }
  }
}
