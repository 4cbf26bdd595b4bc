/// A regular expression that is searched in names of parameters, as Python's `re.search` searches: anywhere, unless `^`
/// or `$` say where.
///
/// It knows literals, `.`, `[...]`, `(...)`, `(?:...)`, `|`, `*`, `+`, `?`, `{m}`, `{m,}`, `{m,n}`, `^`, `$`, `\d`, `\w`,
/// `\s`, their opposites, and `\` before any other sign. Patterns come from files that nobody has looked at: all that
/// can match is followed at once (Thompson 1968, "Regular expression search algorithm"), so that no pattern takes longer
/// than its length times that of the name.
package struct NamePattern: Hashable, Sendable {
  /// As it was given.
  package let text: String
  private let steps: [Step]

  /// Characters of a pattern at most.
  package static let longest = 200
  /// Steps at most: repetitions are written out.
  private static let mostSteps = 2000

  /// One step of the search.
  fileprivate enum Step: Hashable, Sendable {
    /// A character of a set.
    case character(CharacterSet)
    case start
    case end
    /// Both ways, relative to the step.
    case either(Int, Int)
    case jump(Int)
  }

  /// - Throws: ``PatternError`` for what is no such expression.
  package init(_ text: String) throws(PatternError) {
    guard text.count <= NamePattern.longest else {
      throw PatternError("has \(text.count) characters, and \(NamePattern.longest) are the most")
    }
    self.text = text
    var parser = PatternParser(text, mostSteps: NamePattern.mostSteps)
    steps = try parser.parse()
  }

  /// Whether it is found in a name.
  package func isFound(in name: String) -> Bool {
    let characters = Array(name.unicodeScalars)
    var isReached = [Bool](repeating: false, count: steps.count + 1)
    var current: [Int] = []
    for position in 0...characters.count {
      // It may begin at each place.
      add(0, to: &current, &isReached, position, characters.count)
      if isReached[steps.count] { return true }
      guard position < characters.count else { return false }
      var next: [Int] = []
      var isNext = [Bool](repeating: false, count: steps.count + 1)
      for index in current {
        if case .character(let set) = steps[index], set.contains(characters[position]) {
          add(index + 1, to: &next, &isNext, position + 1, characters.count)
        }
      }
      if isNext[steps.count] { return true }
      (current, isReached) = (next, isNext)
    }
    return false
  }

  /// Follows all steps that take no character.
  private func add(
    _ first: Int, to list: inout [Int], _ isReached: inout [Bool], _ position: Int, _ count: Int
  ) {
    var waiting = [first]
    while let index = waiting.popLast() {
      guard !isReached[index] else { continue }
      isReached[index] = true
      guard index < steps.count else { continue }
      switch steps[index] {
      case .character: list.append(index)
      case .start: if position == 0 { waiting.append(index + 1) }
      case .end: if position == count { waiting.append(index + 1) }
      case .jump(let offset): waiting.append(index + offset)
      case .either(let one, let other): waiting += [index + other, index + one]
      }
    }
  }
}

/// A pattern that cannot be read.
package struct PatternError: Error, Hashable, Sendable {
  /// What is wrong, after the pattern's name: "has no ) for its (".
  package let reason: String

  init(_ reason: String) {
    self.reason = reason
  }
}

/// Characters that may stand at one place.
private struct CharacterSet: Hashable, Sendable {
  var ranges: [ClosedRange<Unicode.Scalar>] = []
  var isNegated = false

  func contains(_ character: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(character) } != isNegated
  }

  static let digits: [ClosedRange<Unicode.Scalar>] = ["0"..."9"]
  static let words: [ClosedRange<Unicode.Scalar>] = ["0"..."9", "A"..."Z", "_"..."_", "a"..."z"]
  static let spaces: [ClosedRange<Unicode.Scalar>] = ["\t"..."\r", " "..." "]

  /// Of `\d` and its like; nil for another letter.
  init?(escape letter: Unicode.Scalar) {
    switch letter {
    case "d", "D": ranges = CharacterSet.digits
    case "w", "W": ranges = CharacterSet.words
    case "s", "S": ranges = CharacterSet.spaces
    default: return nil
    }
    isNegated = letter.properties.isUppercase
  }

  init(_ ranges: [ClosedRange<Unicode.Scalar>], isNegated: Bool = false) {
    (self.ranges, self.isNegated) = (ranges, isNegated)
  }
}

/// Turns a pattern into steps, in one pass.
private struct PatternParser {
  private let characters: [Unicode.Scalar]
  private var position = 0
  private let mostSteps: Int

  typealias Step = NamePattern.Step

  init(_ text: String, mostSteps: Int) {
    characters = Array(text.unicodeScalars)
    self.mostSteps = mostSteps
  }

  private var next: Unicode.Scalar? {
    position < characters.count ? characters[position] : nil
  }

  mutating func parse() throws(PatternError) -> [Step] {
    let steps = try alternatives()
    guard next == nil else { throw PatternError("has a ) without its (") }
    return steps
  }

  private mutating func alternatives() throws(PatternError) -> [Step] {
    var steps = try sequence()
    while next == "|" {
      position += 1
      let other = try sequence()
      steps =
        [.either(1, steps.count + 2)] + steps + [.jump(other.count + 1)] + other
      try checkLength(steps)
    }
    return steps
  }

  private mutating func sequence() throws(PatternError) -> [Step] {
    var steps: [Step] = []
    while let character = next, character != "|", character != ")" {
      let atom = try atom()
      steps += try repeated(atom)
      try checkLength(steps)
    }
    return steps
  }

  private func checkLength(_ steps: [Step]) throws(PatternError) {
    guard steps.count <= mostSteps else {
      throw PatternError("is repeated too often; write a shorter one")
    }
  }

  private mutating func atom() throws(PatternError) -> [Step] {
    let character = characters[position]
    position += 1
    switch character {
    case "(": return try group()
    case "[": return [.character(try bracket())]
    case ".": return [.character(CharacterSet(["\n"..."\n"], isNegated: true))]
    case "^": return [.start]
    case "$": return [.end]
    case "\\": return [.character(try escaped())]
    case "*", "+", "?": throw PatternError("has a \(character) with nothing before it to repeat")
    default: return [.character(CharacterSet([character...character]))]
    }
  }

  private mutating func group() throws(PatternError) -> [Step] {
    if next == "?" {
      guard position + 1 < characters.count, characters[position + 1] == ":" else {
        throw PatternError("has a (?, of which only (?: is known here")
      }
      position += 2
    }
    let steps = try alternatives()
    guard next == ")" else { throw PatternError("has no ) for its (") }
    position += 1
    return steps
  }

  private mutating func escaped() throws(PatternError) -> CharacterSet {
    guard let character = next else { throw PatternError("ends in a \\") }
    position += 1
    if let set = CharacterSet(escape: character) { return set }
    guard !CharacterSet(CharacterSet.words).contains(character) || character == "_" else {
      throw PatternError("has \\\(character), which is not known here")
    }
    return CharacterSet([character...character])
  }

  private mutating func bracket() throws(PatternError) -> CharacterSet {
    var set = CharacterSet([])
    if next == "^" {
      set.isNegated = true
      position += 1
    }
    var isFirst = true
    while let character = next, character != "]" || isFirst {
      isFirst = false
      position += 1
      var first = character
      if character == "\\" {
        let own = try escaped()
        guard !own.isNegated else { throw PatternError("has an opposite such as \\D within [ ]") }
        guard own.ranges.count == 1, own.ranges[0].lowerBound == own.ranges[0].upperBound else {
          set.ranges += own.ranges
          continue
        }
        first = own.ranges[0].lowerBound
      }
      var last = first
      if next == "-", position + 1 < characters.count, characters[position + 1] != "]" {
        last = characters[position + 1]
        position += 2
        if last == "\\" { throw PatternError("has a range within [ ] that ends in a \\") }
      }
      guard first <= last else {
        throw PatternError("has the range \(first)-\(last), which is the wrong way round")
      }
      set.ranges.append(first...last)
    }
    guard next == "]" else { throw PatternError("has no ] for its [") }
    position += 1
    return set
  }

  /// `atom` as often as what stands behind it says.
  private mutating func repeated(_ atom: [Step]) throws(PatternError) -> [Step] {
    guard let character = next else { return atom }
    var (least, most): (Int, Int?) = (0, nil)
    switch character {
    case "*": (least, most) = (0, nil)
    case "+": (least, most) = (1, nil)
    case "?": (least, most) = (0, 1)
    case "{":
      guard let counts = try counts() else { return atom }
      (least, most) = counts
      position -= 1
    default: return atom
    }
    position += 1
    // Which of several matches is the longest does not matter here.
    if next == "?" { position += 1 }
    let place = position
    if let sign = next {
      var isRepeated = "*+?".unicodeScalars.contains(sign)
      if sign == "{" { isRepeated = try counts() != nil }
      guard !isRepeated else {
        throw PatternError("repeats a repetition; put ( ) around the inner one")
      }
    }
    position = place
    guard max(least, most ?? 0) * atom.count <= mostSteps else {
      throw PatternError("is repeated too often; write a shorter one")
    }
    var steps = Array(repeatElement(atom, count: least).joined())
    guard let most else {
      return steps + [.either(1, atom.count + 2)] + atom + [.jump(-atom.count - 1)]
    }
    for _ in least..<most { steps += [.either(1, atom.count + 1)] + atom }
    return steps
  }

  /// What stands between `{` and `}`, which are passed; nil where these are signs like others, as in Python.
  private mutating func counts() throws(PatternError) -> (Int, Int?)? {
    guard let end = characters[position...].firstIndex(of: "}") else { return nil }
    var text = ""
    text.unicodeScalars.append(contentsOf: characters[(position + 1)..<end])
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let isNumber = parts.map { $0.allSatisfy { ("0"..."9").contains($0) } && $0.count <= 4 }
    guard (1...2).contains(parts.count), isNumber.allSatisfy(\.self),
      text.contains(where: \.isNumber)
    else { return nil }
    let least = Int(parts[0]) ?? 0
    let most = parts.count == 1 ? least : Int(parts[1])
    if let most, most < least {
      throw PatternError("has {\(text)}, whose ends are the wrong way round")
    }
    position = end + 1
    return (least, most)
  }
}

extension String {
  /// Whether `layer` is this parameter's name, or that of a layer or block that it is in.
  package func isParameter(of layer: String) -> Bool {
    self == layer || hasPrefix(layer + ".")
  }
}
