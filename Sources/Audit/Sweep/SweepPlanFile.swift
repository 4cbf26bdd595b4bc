import Clients
import Defences
import ModelIO

extension SweepPlan {
  /// The largest plan that is read, in bytes.
  private static let fileLimit = 1 << 20

  /// Reads a plan from a YAML file.
  ///
  /// The file's keys are ``Group``'s properties with hyphens (`batch-sizes`), and `images`, a folder
  /// of pictures, or `texts`, a file with one text a line, or `table`, a file of comma-separated values with `label`, `schema`,
  /// `ignore` and `by`. `groups`, a list, makes several products of the same keys; what a group does not
  /// say is as said outside of it.
  ///
  /// - Throws: ``FileError`` when the file cannot be read; ``SweepError`` when it is no plan.
  package static func read(contentsOf path: String) throws -> SweepPlan {
    let bytes = try InputFile.bytes(at: path, expected: "a plan in YAML", limit: fileLimit)
    try WantedFile.text.refuseOthers(bytes, path: path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw SweepError("\(path.escapingControlCharacters): the plan is not UTF-8; save it as text")
    }
    do {
      return try SweepPlan(yaml: text)
    } catch {
      throw SweepError("\(path.escapingControlCharacters): \(error.message)")
    }
  }

  /// Reads a plan from YAML text.
  package init(yaml text: String) throws(SweepError) {
    let content = try PlanText.content(of: text)
    guard case .keys(let top)? = content else {
      throw SweepError("a plan is a list of keys and values, such as \"defences: [none, fp16]\"")
    }
    var common = Group()
    let ofData = ["groups", "images", "texts", "table"] + SweepPlan.tableKeys
    try PlanKeys.apply(top.filter { !ofData.contains($0.key) }, to: &common)
    let folder = try SweepPlan.name(top["images"], "images", "folder")
    let texts = try SweepPlan.name(top["texts"], "texts", "file")
    let table = try SweepPlan.table(top)
    guard [folder, texts, table?.file].compactMap(\.self).count <= 1 else {
      throw SweepError("there are several of images, texts and a table; give one of them")
    }
    guard let list = top["groups"] else {
      self.init(groups: [common], imageFolder: folder, textFile: texts, table: table)
      return
    }
    guard case .list(let items) = list, !items.isEmpty else {
      throw SweepError("groups is not a list of keys and values")
    }
    var groups: [Group] = []
    for item in items {
      guard case .keys(let keys) = item else {
        throw SweepError("groups has an item that is not made of keys and values")
      }
      var group = common
      try PlanKeys.apply(keys, to: &group)
      groups.append(group)
    }
    self.init(groups: groups, imageFolder: folder, textFile: texts, table: table)
  }

  /// Keys that say what a table's columns are.
  private static let tableKeys = ["label", "schema", "ignore", "by"]

  /// The table of `table` and ``tableKeys``; nil where none is given.
  private static func table(_ top: [String: PlanValue]) throws(SweepError) -> TableChoice? {
    guard let file = try name(top["table"], "table", "file") else {
      if let key = tableKeys.first(where: { top[$0] != nil }) {
        throw SweepError(
          "\(key) is of a table, and there is none; give its file with the key table")
      }
      return nil
    }
    var choice = TableChoice(file: file)
    choice.label = try name(top["label"], "label", "column")
    choice.schema = try name(top["schema"], "schema", "file")
    choice.clients = try name(top["by"], "by", "column")
    choice.ignored = try top["ignore"].map { value throws(SweepError) in
      try PlanKeys.list(value, "ignore") { text throws(SweepError) in text }
    }
    return choice
  }

  /// The name of a file or folder; nil where none is given.
  private static func name(
    _ value: PlanValue?, _ key: String, _ noun: String
  ) throws(SweepError) -> String? {
    guard let value else { return nil }
    guard case .word(let word) = value, let name = word.name else {
      throw SweepError("\(key) is not a \(noun)'s name")
    }
    return name
  }
}

/// The keys of a group.
private enum PlanKeys {
  static let names = [
    "model", "head", "activation", "classes", "defences", "attacks", "batch-sizes", "sizes",
    "seeds",
    "first-seed", "pictures", "examples", "trials", "iterations",
  ]

  static func apply(
    _ keys: [String: PlanValue], to group: inout SweepPlan.Group
  ) throws(SweepError) {
    for (key, value) in keys.sorted(by: { $0.key < $1.key }) {
      switch key {
      case "model": group.model = try text(value, key)
      case "head": group.head = try text(value, key)
      case "activation": group.activation = try text(value, key)
      case "classes": group.classes = try number(value, key, 2...1_000_000)
      case "defences":
        group.defences = try list(value, key) { text throws(SweepError) in
          do throws(DefenceError) {
            return try DefenceChain(text)
          } catch {
            throw SweepError("\(key): \(error.message)")
          }
        }
      case "attacks":
        group.attacks = try list(value, key) { text throws(SweepError) in
          try SweepAttack(text)
        }
      case "batch-sizes": group.batchSizes = try numbers(value, key, 1...1000)
      case "sizes": group.sizes = try numbers(value, key, 1...8192)
      case "seeds": group.seeds = try number(value, key, 1...100_000)
      case "first-seed": group.firstSeed = UInt64(try number(value, key, 0...Int.max))
      case "pictures", "examples": group.examples = try number(value, key, 1...100_000)
      case "trials": group.trials = try number(value, key, 1...1_000_000)
      case "iterations": group.iterations = try number(value, key, 1...100_000_000)
      default:
        let hint = nearestSpelling(to: key, in: names).map { "did you mean \($0)? " } ?? ""
        throw SweepError(
          "there is no key \(key.quotedForMessage); \(hint)the keys are images, texts, table, label, schema, ignore, by, "
            + "groups, "
            + names.joined(separator: ", "))
      }
    }
  }

  private static func text(_ value: PlanValue, _ key: String) throws(SweepError) -> String {
    guard case .word(let word) = value, let text = word.name else {
      throw SweepError("\(key) is not a name")
    }
    return text
  }

  private static func number(
    _ value: PlanValue, _ key: String, _ range: ClosedRange<Int>
  ) throws(SweepError) -> Int {
    guard case .word(let word) = value, let number = word.number, range.contains(number) else {
      throw SweepError(
        "\(key) has \(value.description.quotedForMessage); give a whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return number
  }

  private static func items(
    _ value: PlanValue, _ key: String
  ) throws(SweepError) -> [PlanValue] {
    let items = if case .list(let items) = value { items } else { [value] }
    guard !items.isEmpty else { throw SweepError("\(key) is an empty list") }
    return items
  }

  private static func numbers(
    _ value: PlanValue, _ key: String, _ range: ClosedRange<Int>
  ) throws(SweepError) -> [Int] {
    var result: [Int] = []
    for item in try items(value, key) { result.append(try number(item, key, range)) }
    return result
  }

  static func list<Item>(
    _ value: PlanValue, _ key: String, _ read: (String) throws(SweepError) -> Item
  ) throws(SweepError) -> [Item] {
    var result: [Item] = []
    for item in try items(value, key) {
      guard case .word(let word) = item, let text = word.name else {
        throw SweepError("\(key) has \(item.description.quotedForMessage), which is no name")
      }
      result.append(try read(text))
    }
    return result
  }
}
