import CYAML
import ModelIO

/// A value of a plan as YAML has it.
enum PlanValue {
  case word(Word)
  case list([PlanValue])
  case keys([String: PlanValue])

  /// A word, quoted or plain.
  struct Word {
    let text: String
    let isPlain: Bool

    /// A whole number.
    var number: Int? { isPlain ? Int(text) : nil }

    /// Text; nil for plain words that are numbers, truth values or nothing.
    var name: String? {
      let nothing = [
        "", "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE",
      ]
      return isPlain && (Double(text) != nil || nothing.contains(text)) || text.isEmpty ? nil : text
    }
  }

  /// As messages quote it.
  var description: String {
    switch self {
    case .word(let word): word.text
    case .list: "a list"
    case .keys: "keys and values"
    }
  }
}

/// Reads YAML that nobody has checked, by the events of libyaml.
///
/// Keys are plain words: others are refused as they come, before anybody compares them. Aliases are counted as if
/// they were written out, and share what they stand for: ten lists of ten aliases each stand for ten thousand million
/// values.
struct PlanText {
  /// Values at most, each as often as aliases repeat it.
  private static let valueLimit = 100_000
  private static let depthLimit = 64

  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private var count = 0
  /// Values with names, and what they count.
  private var anchors: [String: (value: PlanValue, count: Int)] = [:]

  /// The value of a document; nil for none.
  ///
  /// - Throws: ``SweepError`` when it is no YAML, has a key twice or too many values.
  static func content(of text: String) throws(SweepError) -> PlanValue? {
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else { throw notYAML("no memory is left") }
    defer { yaml_parser_delete(parser) }
    return try Array(text.utf8).withUnsafeBufferPointer { bytes throws(SweepError) in
      yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
      var reader = PlanText(parser: parser)
      return try reader.document()
    }
  }

  private init(parser: UnsafeMutablePointer<yaml_parser_t>) {
    self.parser = parser
  }

  private static func notYAML(_ reason: String) -> SweepError {
    SweepError("this is no YAML (\(reason.escapingControlCharacters)); correct it there")
  }

  // MARK: - Events

  /// An event as far as plans need it.
  private enum Event {
    case word(PlanValue.Word, anchor: String?)
    case alias(String)
    case listStart(anchor: String?)
    case keysStart(anchor: String?)
    case end
    case documentStart
    case streamEnd
    case other
  }

  private func next() throws(SweepError) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else {
      let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it cannot be read"
      throw PlanText.notYAML("line \(parser.pointee.problem_mark.line + 1): \(problem)")
    }
    defer { yaml_event_delete(&event) }
    func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
      pointer.map { String(cString: $0) }
    }
    switch event.type {
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      return .word(
        PlanValue.Word(
          text: String(decoding: bytes, as: UTF8.self),
          isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE), anchor: text(scalar.anchor))
    case YAML_ALIAS_EVENT: return .alias(text(event.data.alias.anchor) ?? "")
    case YAML_SEQUENCE_START_EVENT:
      return .listStart(anchor: text(event.data.sequence_start.anchor))
    case YAML_MAPPING_START_EVENT: return .keysStart(anchor: text(event.data.mapping_start.anchor))
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .end
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_STREAM_END_EVENT: return .streamEnd
    default: return .other
    }
  }

  // MARK: - Values

  private mutating func document() throws(SweepError) -> PlanValue? {
    _ = try next()
    guard case .documentStart = try next() else { return nil }
    let value = try value(try next(), depth: 0)
    _ = try next()
    guard case .streamEnd = try next() else {
      throw PlanText.notYAML("it has several documents")
    }
    return value
  }

  private mutating func value(_ event: Event, depth: Int) throws(SweepError) -> PlanValue {
    guard depth < PlanText.depthLimit else { throw PlanText.notYAML("it is nested too deep") }
    let before = count
    try add(1)
    let (value, anchor): (PlanValue, String?)
    switch event {
    case .word(let word, let name): (value, anchor) = (.word(word), name)
    case .alias(let name):
      guard let known = anchors[name] else {
        throw PlanText.notYAML("nothing is called \(name.quotedForMessage)")
      }
      try add(known.count - 1)
      return known.value
    case .listStart(let name):
      var list: [PlanValue] = []
      while true {
        let event = try next()
        if case .end = event { break }
        list.append(try self.value(event, depth: depth + 1))
      }
      (value, anchor) = (.list(list), name)
    case .keysStart(let name): (value, anchor) = (.keys(try keys(depth: depth)), name)
    case .end, .documentStart, .streamEnd, .other: throw PlanText.notYAML("a value is missing")
    }
    if let anchor { anchors[anchor] = (value, count - before) }
    return value
  }

  private mutating func keys(depth: Int) throws(SweepError) -> [String: PlanValue] {
    var keys: [String: PlanValue] = [:]
    while true {
      switch try next() {
      case .end: return keys
      case .word(let key, _):
        try add(1)
        let value = try value(try next(), depth: depth + 1)
        guard keys.updateValue(value, forKey: key.text) == nil else {
          throw SweepError(
            "the key \(key.text.quotedForMessage) stands there twice; leave one of them")
        }
      default: throw SweepError("a key is a list, an alias or made of keys; keys are plain words")
      }
    }
  }

  private mutating func add(_ more: Int) throws(SweepError) {
    count += more
    guard count <= PlanText.valueLimit else {
      throw SweepError(
        "the plan has more than \(PlanText.valueLimit) values, with aliases (*name) written out; shorten its lists"
      )
    }
  }
}
