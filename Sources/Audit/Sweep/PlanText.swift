import ModelIO
import Yams

/// Reading YAML that nobody has checked.
enum PlanText {
  /// Values at most, each as often as aliases repeat it.
  private static let valueLimit = 100_000

  /// The values of a document. They are counted before aliases are written out: ten lists of ten aliases each
  /// stand for ten thousand million values.
  ///
  /// - Throws: ``SweepError`` when it is no YAML, has a key twice or too many values.
  static func content(of text: String) throws(SweepError) -> Any? {
    try checkKeys(text)
    do {
      guard let node = try Yams.compose(yaml: text) else { return nil }
      var count = 0
      try PlanText.count(node, into: &count)
      return node.any
    } catch let error as SweepError {
      throw error
    } catch YamlError.duplicatedKeysInMapping(let keys, _) {
      throw SweepError(
        "the key \((keys.first ?? "").quotedForMessage) stands there twice; leave one of them")
    } catch {
      let reason = "\(error)".split(separator: "\n").first.map(String.init) ?? ""
      throw SweepError("this is no YAML (\(reason.escapingControlCharacters)); correct it there")
    }
  }

  private static func count(_ node: Node, into count: inout Int) throws(SweepError) {
    count += 1
    guard count <= valueLimit else {
      throw SweepError(
        "the plan has more than \(valueLimit) values, with aliases (*name) written out; shorten its lists"
      )
    }
    switch node {
    case .mapping(let mapping):
      for (key, value) in mapping {
        // Whatever the lines look like: the reader traps on a key that is no plain word.
        guard key.scalar != nil else {
          throw SweepError("a key is a list or made of keys; keys are plain words")
        }
        try PlanText.count(key, into: &count)
        try PlanText.count(value, into: &count)
      }
    case .sequence(let sequence):
      for element in sequence { try PlanText.count(element, into: &count) }
    case .scalar, .alias: break
    }
  }

  /// Refuses lists and aliases as keys, which the reader compares, written out, before they can be counted.
  private static func checkKeys(_ text: String) throws(SweepError) {
    let scan = PlanKeyScan(text)
    for line in text.split(whereSeparator: \.isNewline) {
      if scan.hasComplexKey(line) {
        throw SweepError(
          "the line \(String(line).quotedForMessage) has a list or an alias as a key; keys are plain words"
        )
      }
    }
  }
}
