/// The classes of characters that tokenizers tell apart.
extension Unicode.Scalar {
  /// Controls, formats, private use, surrogates and code points that are not assigned: what BERT's
  /// clean-up drops, with the exception of tab and the ends of lines.
  var isDroppedByCleaning: Bool {
    switch value {
    case 0x9, 0xA, 0xD: return false
    case 0, 0xFFFD: return true
    default: break
    }
    switch properties.generalCategory {
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
    switch properties.generalCategory {
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
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  /// General categories N*.
  var isNumberCategory: Bool {
    switch properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: true
    default: false
    }
  }

  /// What `\w` of regular expressions stands for (Unicode Technical Standard 18, annex C).
  var isWordCharacter: Bool {
    if properties.isAlphabetic || properties.isJoinControl { return true }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
      return true
    default: return false
    }
  }
}
