import ModelIO

/// What stands on a page as a whole.
struct PDFBox {
  var height: Double
  /// Room above it, but not at the top of a page.
  var before = 0.0
  /// Whether the next one must be on the same page.
  var keepsWithNext = false
  /// What stands above it where it begins a page, such as the heads of its table.
  var head: [PDFBox] = []
  /// The section that begins here.
  var section: (id: String, title: String)?
  /// - Parameter y: of the upper edge.
  var draw: (_ page: inout PDFPage, _ y: Double) -> Void
}

/// Boxes from above, page after page.
struct PDFFlow {
  var document: PDFDocument
  private var y = PDFTheme.top
  /// The page of each section, from 1.
  private(set) var pages: [String: Int] = [:]

  init(_ document: PDFDocument) {
    self.document = document
    self.document.addPage()
  }

  private var isAtTop: Bool { y <= PDFTheme.top }

  mutating func place(_ boxes: [PDFBox]) {
    var start = 0
    while start < boxes.count {
      var end = start
      var height = 0.0
      while true {
        height += (isAtTop && end == start ? 0 : boxes[end].before) + boxes[end].height
        guard boxes[end].keepsWithNext, end + 1 < boxes.count else { break }
        end += 1
      }
      if y + height > PDFTheme.lowest, !isAtTop { addPage(boxes[start].head) }
      for box in boxes[start...end] { place(box) }
      start = end + 1
    }
  }

  private mutating func addPage(_ head: [PDFBox]) {
    document.addPage()
    y = PDFTheme.top
    for box in head { draw(box) }
  }

  private mutating func place(_ box: PDFBox) {
    if !isAtTop { y += box.before }
    // A chain that is longer than a page is broken after all.
    if y + box.height > PDFTheme.lowest, !isAtTop { addPage(box.head) }
    draw(box)
  }

  private mutating func draw(_ box: PDFBox) {
    if let section = box.section {
      document.bookmark(section.id, section.title, y: y)
      pages[section.id] = document.pages.count
    }
    box.draw(&document.pages[document.pages.count - 1], y)
    y += box.height
  }
}
