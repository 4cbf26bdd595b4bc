import Foundation

/// Unicode's normal forms (Unicode Standard Annex 15), as the `tokenizers` package computes them: by tables of
/// Unicode 9, for which younger characters are starters without decomposition.
///
/// Decompositions of single characters and compositions of pairs come from Foundation, and their order and
/// blocking from here: whole strings that mix jamo with trailing consonants, or Tibetan vowels that decompose
/// with accents, Foundation normalises otherwise than the annex.
enum NormalForm {
  static func decomposed(
    _ text: [Unicode.Scalar], isCompatible: Bool
  ) -> [Unicode.Scalar] {
    // ASCII is its own normal form, and by far the most common text.
    if text.allSatisfy(\.isASCII) { return text }
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    for scalar in text { append(scalar, isCompatible, to: &result) }
    order(&result)
    return result
  }

  static func composed(_ text: [Unicode.Scalar], isCompatible: Bool) -> [Unicode.Scalar] {
    if text.allSatisfy(\.isASCII) { return text }
    var result: [Unicode.Scalar] = []
    var starter: Int?
    var previousClass = 0
    for scalar in decomposed(text, isCompatible: isCompatible) {
      let own = combiningClass(scalar)
      // Blocked by one of the same class before it, or by another starter.
      let follows = starter.map { $0 == result.count - 1 } ?? false
      if let place = starter, follows || (own > previousClass && previousClass > 0),
        let pair = composition(result[place], scalar)
      {
        result[place] = pair
        continue
      }
      if own == 0 { starter = result.count }
      previousClass = own
      result.append(scalar)
    }
    return result
  }

  // MARK: - Tables

  private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.age.map { $0.major <= 9 } ?? false
  }

  private static func combiningClass(_ scalar: Unicode.Scalar) -> Int {
    guard !scalar.isASCII, isKnown(scalar) else { return 0 }
    return Int(scalar.properties.canonicalCombiningClass.rawValue)
  }

  private static func append(
    _ scalar: Unicode.Scalar, _ isCompatible: Bool, to result: inout [Unicode.Scalar]
  ) {
    switch scalar.value {
    case 0..<0xA0, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0x20000...0x2F7FF:
      result.append(scalar)
    case Hangul.syllables:
      result += Hangul.jamo(of: scalar)
    default:
      guard isKnown(scalar) else {
        result.append(scalar)
        return
      }
      let single = String(scalar)
      let form =
        isCompatible
        ? single.decomposedStringWithCompatibilityMapping
        : single.decomposedStringWithCanonicalMapping
      result += form.unicodeScalars
    }
  }

  /// What two characters are together; nil where they stay apart.
  private static func composition(
    _ first: Unicode.Scalar, _ second: Unicode.Scalar
  ) -> Unicode.Scalar? {
    if let syllable = Hangul.syllable(of: first, second) { return syllable }
    // A pair that Foundation leaves apart.
    if first.value == 0xCCA, second.value == 0xCD5 { return Unicode.Scalar(0xCCB) }
    // All that is composed with a starter is a mark.
    guard second.isCombiningMark, isKnown(second) else { return nil }
    var pair = String.UnicodeScalarView()
    pair.append(first)
    pair.append(second)
    let form = String(pair).precomposedStringWithCanonicalMapping.unicodeScalars
    guard form.count == 1, let whole = form.first, isKnown(whole) else { return nil }
    // Foundation takes U+201A0 for U+01A0 here.
    var (parts, own): ([Unicode.Scalar], [Unicode.Scalar]) = ([], [])
    append(first, false, to: &parts)
    append(second, false, to: &parts)
    append(whole, false, to: &own)
    order(&parts)
    order(&own)
    return parts == own ? whole : nil
  }

  /// Sorts marks between starters by their classes, those of the same class as they stand.
  private static func order(_ text: inout [Unicode.Scalar]) {
    var start = 0
    while start < text.count {
      guard combiningClass(text[start]) > 0 else {
        start += 1
        continue
      }
      var end = start
      while end < text.count, combiningClass(text[end]) > 0 { end += 1 }
      let run = text[start..<end].enumerated().sorted {
        (combiningClass($0.element), $0.offset) < (combiningClass($1.element), $1.offset)
      }
      text.replaceSubrange(start..<end, with: run.map(\.element))
      start = end
    }
  }
}

/// Korean syllables and the jamo they are made of (Unicode Standard, section 3.12).
private enum Hangul {
  static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
  private static let leading: UInt32 = 0x1100
  private static let vowel: UInt32 = 0x1161
  /// One before the first trailing consonant.
  private static let trailing: UInt32 = 0x11A7
  private static let vowels: UInt32 = 21
  private static let trails: UInt32 = 28

  static func jamo(of syllable: Unicode.Scalar) -> [Unicode.Scalar] {
    let index = syllable.value - syllables.lowerBound
    let parts = [
      leading + index / (vowels * trails), vowel + index % (vowels * trails) / trails,
      trailing + index % trails,
    ]
    return parts.filter { $0 != trailing }.compactMap { Unicode.Scalar($0) }
  }

  static func syllable(of first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
    let (first, second) = (first.value, second.value)
    if (leading..<leading + 19).contains(first), (vowel..<vowel + vowels).contains(second) {
      return Unicode.Scalar(
        syllables.lowerBound + ((first - leading) * vowels + second - vowel) * trails)
    }
    if syllables.contains(first), (first - syllables.lowerBound) % trails == 0,
      (trailing + 1..<trailing + trails).contains(second)
    {
      return Unicode.Scalar(first + second - trailing)
    }
    return nil
  }
}
