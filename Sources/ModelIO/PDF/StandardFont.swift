/// The fonts that every reader of PDF has (ISO 32000-1, 9.6.2.2), with Adobe's metrics of them.
package enum StandardFont: String, CaseIterable, Sendable {
  case regular = "Helvetica"
  case bold = "Helvetica-Bold"
  case fixed = "Courier"
  /// Greek and mathematics, in an encoding of its own.
  case symbol = "Symbol"
  /// For the mark of a character that no font has.
  case dingbats = "ZapfDingbats"

  /// Whether characters are those of ``WinAnsi``.
  var isLatin: Bool { self == .regular || self == .bold || self == .fixed }

  /// How far a code from 32 on moves the pen, in thousandths of the size.
  func advance(_ code: Int) -> Int {
    let place = code - 32
    guard (0..<224).contains(place) else { return 0 }
    return switch self {
    case .regular: StandardFont.regularAdvances[place]
    case .bold: StandardFont.boldAdvances[place]
    case .fixed: 600
    case .symbol: StandardFont.symbols.values.first { $0.code == code }?.advance ?? 0
    case .dingbats: 762
    }
  }

  /// Codes of the font Symbol for characters that reports use and Latin fonts lack.
  static let symbols: [Unicode.Scalar: (code: Int, advance: Int)] = [
    "ε": (0x65, 439), "δ": (0x64, 494), "σ": (0x73, 603), "α": (0x61, 631), "β": (0x62, 549),
    "λ": (0x6C, 549), "−": (0x2D, 549), "≤": (0xA3, 549), "≥": (0xB3, 549), "≠": (0xB9, 549),
    "→": (0xAE, 987), "∞": (0xA5, 713), "√": (0xD6, 549), "≈": (0xBB, 549),
  ]

  /// Code of the mark for a character that no font has, a white square, in ``dingbats``.
  static let missing = 0x6F
  /// The same as a character.
  package static let missingMark: Unicode.Scalar = "❏"

  private static let regularAdvances: [Int] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
    365, 556, 350, 222, 556, 333, 1000, 556, 556, 333, 1000, 667, 333, 1000, 350, 611, 350, 350,
    222, 222, 333, 333, 350, 556, 1000, 333, 1000, 500, 333, 944, 350, 500, 667, 278, 333, 556,
    556, 556, 556, 260, 556, 333, 737, 370, 556, 584, 333, 737, 333, 400, 584, 333, 333, 333, 556,
    537, 278, 333, 333, 365, 556, 834, 834, 834, 611, 667, 667, 667, 667, 667, 667, 1000, 722, 667,
    667, 667, 667, 278, 278, 278, 278, 722, 722, 778, 778, 778, 778, 778, 584, 778, 722, 722, 722,
    722, 667, 667, 611, 556, 556, 556, 556, 556, 556, 889, 500, 556, 556, 556, 556, 278, 278, 278,
    278, 556, 556, 556, 556, 556, 556, 556, 584, 611, 556, 556, 556, 556, 500, 556, 500,
  ]

  private static let boldAdvances: [Int] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667,
    611, 778, 722, 278, 556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556,
    278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
    365, 556, 350, 278, 556, 500, 1000, 556, 556, 333, 1000, 667, 333, 1000, 350, 611, 350, 350,
    278, 278, 500, 500, 350, 556, 1000, 333, 1000, 556, 333, 944, 350, 500, 667, 278, 333, 556,
    556, 556, 556, 280, 556, 333, 737, 370, 556, 584, 333, 737, 333, 400, 584, 333, 333, 333, 611,
    556, 278, 333, 333, 365, 556, 834, 834, 834, 611, 722, 722, 722, 722, 722, 722, 1000, 722, 667,
    667, 667, 667, 278, 278, 278, 278, 722, 722, 778, 778, 778, 778, 778, 584, 778, 722, 722, 722,
    722, 667, 667, 611, 556, 556, 556, 556, 556, 556, 889, 556, 556, 556, 556, 556, 278, 278, 278,
    278, 611, 611, 611, 611, 611, 611, 611, 584, 611, 611, 611, 611, 611, 556, 611, 556,
  ]
}

/// The encoding of Latin text in PDF, Windows code page 1252 (ISO 32000-1, annex D).
enum WinAnsi {
  private static let upper: [Unicode.Scalar: Int] = [
    "€": 0x80, "‚": 0x82, "ƒ": 0x83, "„": 0x84, "…": 0x85, "†": 0x86, "‡": 0x87, "ˆ": 0x88,
    "‰": 0x89,
    "Š": 0x8A, "‹": 0x8B, "Œ": 0x8C, "Ž": 0x8E, "‘": 0x91, "’": 0x92, "“": 0x93, "”": 0x94,
    "•": 0x95,
    "–": 0x96, "—": 0x97, "˜": 0x98, "™": 0x99, "š": 0x9A, "›": 0x9B, "œ": 0x9C, "ž": 0x9E,
    "Ÿ": 0x9F,
  ]

  /// Nil for a character that it lacks.
  static func code(of scalar: Unicode.Scalar) -> Int? {
    switch scalar.value {
    case 0x20...0x7E, 0xA1...0xFF: Int(scalar.value)
    default: upper[scalar]
    }
  }
}
