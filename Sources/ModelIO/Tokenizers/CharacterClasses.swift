/// The classes of characters that tokenizers tell apart.
///
/// The parts of the `tokenizers` package have tables of different age: BERT's clean-up, accents and
/// punctuation go by Unicode 8, marks and normal forms by Unicode 9, and regular expressions by Unicode 16.
/// Younger characters are not assigned to them. Checked over all of Unicode by
/// scripts/compare/tokenizer-unicode.py.
extension Unicode.Scalar {
  /// The general category as of an older Unicode.
  private func category(asOf version: Int) -> Unicode.GeneralCategory {
    guard let age = properties.age, age.major <= version else {
      // Private use has been assigned from the beginning.
      return properties.generalCategory == .privateUse ? .privateUse : .unassigned
    }
    guard version <= 9 else { return properties.generalCategory }
    // What has changed since.
    switch value {
    case 0x166D, 0x111C9: return .otherPunctuation
    case 0x1734, 0x1171E: return .nonspacingMark
    case 0xA9BD, 0x1CF2, 0x1CF3: return .spacingMark
    case 0x1885, 0x1886: return version == 8 ? .otherLetter : .nonspacingMark
    default: return properties.generalCategory
    }
  }

  /// General category Mn: what BERT's normaliser strips.
  var isNonspacingMark: Bool { !isASCII && category(asOf: 8) == .nonspacingMark }

  /// General categories M*: what the normaliser StripAccents strips.
  var isCombiningMark: Bool {
    guard !isASCII else { return false }
    switch category(asOf: 9) {
    case .nonspacingMark, .spacingMark, .enclosingMark: return true
    default: return false
    }
  }

  /// Controls, formats, private use, surrogates and code points that are not assigned: what BERT's
  /// clean-up drops, with the exception of tab and the ends of lines.
  var isDroppedByCleaning: Bool {
    switch value {
    case 0x9, 0xA, 0xD: return false
    case 0, 0xFFFD: return true
    default: break
    }
    switch category(asOf: 8) {
    case .control, .format, .privateUse, .surrogate: return true
    default: return false
    }
  }

  var isSpace: Bool { properties.isWhitespace }

  /// General categories P*, and the ASCII characters that are neither letters, digits nor spaces.
  var isPunctuation: Bool {
    switch value {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return true
    case 0..<0x80: return false
    default: break
    }
    switch category(asOf: 8) {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }

  /// The blocks of ideographs that BERT splits into single characters.
  var isIdeograph: Bool {
    switch value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
      0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  /// General categories L*.
  var isLetterCategory: Bool {
    switch category(asOf: 16) {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  /// General categories N*.
  var isNumberCategory: Bool {
    switch category(asOf: 16) {
    case .decimalNumber, .letterNumber, .otherNumber: true
    default: false
    }
  }

  /// What `\w` of regular expressions stands for (Unicode Technical Standard 18, annex C).
  var isWordCharacter: Bool {
    let category = category(asOf: 16)
    guard category != .unassigned else { return false }
    if properties.isAlphabetic || properties.isJoinControl { return true }
    switch category {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
      return true
    default: return false
    }
  }
}
