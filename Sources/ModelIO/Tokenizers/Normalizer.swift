/// What a tokenizer does to a text before it is cut into words.
enum Normalizer: Hashable, Sendable {
  /// BERT's: drops controls, makes every space a blank, sets ideographs apart, strips accents, and
  /// lowers the case.
  case bert(cleans: Bool, separatesIdeographs: Bool, stripsAccents: Bool, lowersCase: Bool)
  case canonicalComposition
  case canonicalDecomposition
  case compatibilityComposition
  case compatibilityDecomposition
  case lowercase
  /// Drops marks of all kinds.
  case stripAccents
  case strip(left: Bool, right: Bool)
  case sequence([Normalizer])

  func callAsFunction(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    switch self {
    case .bert(let cleans, let separatesIdeographs, let stripsAccents, let lowersCase):
      var result = text
      if cleans {
        result = result.filter { !$0.isDroppedByCleaning }.map { $0.isSpace ? " " : $0 }
      }
      if separatesIdeographs {
        result = result.flatMap { $0.isIdeograph ? [" ", $0, " "] : [$0] }
      }
      if stripsAccents {
        result = NormalForm.decomposed(result, isCompatible: false).filter { !$0.isNonspacingMark }
      }
      return lowersCase ? Normalizer.lowered(result) : result
    case .canonicalComposition:
      return NormalForm.composed(text, isCompatible: false)
    case .canonicalDecomposition:
      return NormalForm.decomposed(text, isCompatible: false)
    case .compatibilityComposition:
      return NormalForm.composed(text, isCompatible: true)
    case .compatibilityDecomposition:
      return NormalForm.decomposed(text, isCompatible: true)
    case .lowercase:
      return Normalizer.lowered(text)
    case .stripAccents:
      return text.filter { !$0.isCombiningMark }
    case .strip(let left, let right):
      var kept = text[...]
      if left { kept = kept.drop(while: \.isSpace) }
      while right, kept.last?.isSpace == true { kept.removeLast() }
      return Array(kept)
    case .sequence(let steps):
      return steps.reduce(text) { $1($0) }
    }
  }

  /// Character by character: unlike a string's lower case, a final sigma is not special.
  private static func lowered(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    text.flatMap { $0.properties.lowercaseMapping.unicodeScalars }
  }
}
