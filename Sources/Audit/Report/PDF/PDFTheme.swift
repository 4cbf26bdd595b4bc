import ModelIO

/// Sizes and colours of a report on paper, in points; the colours are those of the page in a browser.
enum PDFTheme {
  /// A4.
  static let width = 595.28
  static let height = 841.89
  static let left = 51.0
  static let top = 51.0
  static let bottom = 60.0
  static var contentWidth: Double { width - 2 * left }
  static var lowest: Double { height - bottom }

  static let ink = PDFPage.Color(0x16191D)
  static let soft = PDFPage.Color(0x535B66)
  static let rule = PDFPage.Color(0xD9DDE3)
  static let panel = PDFPage.Color(0xF5F6F8)
  static let link = PDFPage.Color(0x1F5FBF)
  static let lines = [0x1F5FBF, 0xA8480B, 0x1A7342, 0x7A3FA0, 0xA3234F, 0x4C5663]
    .map(PDFPage.Color.init)

  static func color(_ tone: ReportTone) -> PDFPage.Color {
    switch tone {
    case .safe: PDFPage.Color(0x1C6B3C)
    case .some: PDFPage.Color(0x8A5200)
    case .leak: PDFPage.Color(0xB3261E)
    }
  }

  static func panel(_ tone: ReportTone) -> PDFPage.Color {
    switch tone {
    case .safe: PDFPage.Color(0xEEF7F1)
    case .some: PDFPage.Color(0xFDF5E8)
    case .leak: PDFPage.Color(0xFDF1F0)
    }
  }
}

/// How text looks.
struct PDFStyle: Sendable {
  var face = StandardFont.regular
  var size = 9.5
  var color = PDFTheme.ink

  /// From base line to base line.
  var leading: Double { size * 1.42 }

  static let usual = PDFStyle()
  static let soft = PDFStyle(color: PDFTheme.soft)
  static let note = PDFStyle(size: 8.5, color: PDFTheme.soft)
  static let small = PDFStyle(size: 8)
  static let table = PDFStyle(size: 7.5)
  static let tableHead = PDFStyle(face: .bold, size: 7.5)
  static let heading = PDFStyle(face: .bold, size: 10.5)
  static let section = PDFStyle(face: .bold, size: 14)
  static let title = PDFStyle(face: .bold, size: 20)
  static let finding = PDFStyle(face: .bold, size: 13)
  static let command = PDFStyle(face: .fixed, size: 7.5)

  var bold: PDFStyle {
    var style = self
    style.face = .bold
    return style
  }
}
