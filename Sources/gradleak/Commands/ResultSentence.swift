import Attacks
import Audit
import Clients

/// What runs gave, in one sentence: it comes before all tables and numbers. What did not come back is never called
/// safe.
struct ResultSentence {
  private struct Item {
    let record: RunRecord
    let example: any JudgedExample
    let level: LeakLevel
  }

  private let items: [Item]
  private let kind: DataKindDescriptor

  init(_ records: [RunRecord]) {
    items = records.flatMap { record in
      record.judged.map { Item(record: record, example: $0, level: record.level(of: $0)) }
    }
    let kinds = Set(records.map(\.kind))
    kind = DataKinds.descriptor(kinds.count == 1 ? kinds.first ?? .pictures : "examples")
  }

  func print() { Terminal.printVerdict(text, style) }

  /// Nothing that failed is green.
  var style: Terminal.Style { items.contains { $0.level >= .recognisable } ? .red : .yellow }

  var text: String {
    guard let first = items.first else { return "Nothing was attacked." }
    let sentence = items.count == 1 ? sentence(of: first) : sentenceOfMany
    return sentence.prefix(1).uppercased() + sentence.dropFirst()
  }

  // MARK: - One example

  private func sentence(of item: Item) -> String {
    switch (item.level, item.example.hasTruth) {
    case (.full, true):
      return "\(name(item)) came back \(fullness([item]))\(despite)\(measures([item]))."
    case (.full, false): return "the \(kind.singular) came back, \(certainty)."
    case (.recognisable, true):
      return "\(name(item)) can be recognised in what came back\(despite)\(measures([item]))."
    case (.recognisable, false): return "the \(kind.singular) that was found \(ambiguity)."
    case (.undetermined, _): return "not shown either way: \(reason(item.record))."
    case (.label, _):
      return
        "the label of \(name(item)) came back, but not the \(kind.singular)\(measures([item])); "
        + "better attacks may get it."
    case (.nothing, _):
      return "\(name(item)) did not come back\(measures([item])); better attacks may get it."
    }
  }

  /// Texts have numbers for names.
  private func name(_ item: Item) -> String {
    item.record.kind == .pictures ? item.example.name : "the \(kind.singular)"
  }

  // MARK: - Several

  private var sentenceOfMany: String {
    let full = items.filter { $0.level == .full }
    let partly = items.filter { $0.level == .recognisable }
    let open = items.filter { $0.level == .undetermined }
    let held = items.count - full.count - partly.count - open.count
    if full.count == items.count {
      return full.allSatisfy(\.example.hasTruth)
        ? "\(all) came back \(fullness(full))\(despite)\(measures(full))."
        : "\(all) came back, \(certainty)."
    }
    if partly.count == items.count {
      return partly.allSatisfy(\.example.hasTruth)
        ? "\(all) can be recognised in what came back\(despite)\(measures(partly))."
        : "what was found \(ambiguity)."
    }
    if open.count == items.count { return "not shown either way: \(reasons(open))." }
    if held == items.count {
      let labels = items.count { $0.level == .label }
      return
        "none of \(items.count) \(kind.plural) came back\(measures(items))"
        + (labels > 0 ? ", but \(labels) of the labels" : "") + "; better attacks may get them."
    }
    var parts: [String] = []
    func add(_ count: Int, _ words: String) {
      guard count > 0 else { return }
      parts.append(
        (parts.isEmpty ? "\(count) of \(items.count) \(kind.plural)" : "\(count)") + " \(words)")
    }
    add(full.count, "came back \(fullness(full))\(despite)")
    add(partly.count, "can be recognised" + (full.isEmpty ? despite : ""))
    add(held, "did not come back to this attack")
    if !open.isEmpty { add(open.count, "not shown either way: \(reasons(open))") }
    return parts.joined(separator: ", ") + "."
  }

  // MARK: - Words

  private var all: String {
    items.count == 2 ? "both \(kind.plural)" : "all \(items.count) \(kind.plural)"
  }

  /// From here on rounding is all that a reconstruction differs by.
  private static let exactDecibels = 100.0

  private func fullness(_ items: [Item]) -> String {
    let isExact = items.allSatisfy {
      $0.record.kind != .pictures || $0.example.score >= ResultSentence.exactDecibels
    }
    return isExact ? "exactly" : "in full"
  }

  /// What the client did, where all did the same.
  private var despite: String {
    let chains = Set(items.map { $0.record.defence?.chain.description ?? "" })
    guard chains.count == 1, let chain = chains.first, !chain.isEmpty else { return "" }
    return " despite \(chain)"
  }

  /// Where originals are known, such as ": 264 to 273 dB, labels right".
  private func measures(_ items: [Item]) -> String {
    let scores = items.map(\.example.score).filter { !$0.isNaN }
    guard let least = scores.min(), let greatest = scores.max(), kind.name == .pictures else {
      return ""
    }
    let (low, high) = (ResultSentence.rounded(least), ResultSentence.rounded(greatest))
    var text = ": \(low == high ? low : "\(low) to \(high)") dB"
    if items.allSatisfy({ $0.level < .recognisable }), let item = items.first, items.count == 1,
      let grey = (item.example as? ImageResult)?.greyImagePSNR?.value
    {
      text += ", a grey image has \(ResultSentence.rounded(grey))"
    }
    if items.allSatisfy({ $0.example.isLabelRight == true }),
      items.allSatisfy({ $0.level > .label })
    {
      text += items.count == 1 ? ", label right" : ", labels right"
    }
    return text
  }

  private static func rounded(_ decibels: Double) -> String {
    decibels.isFinite ? "\(Int(decibels.rounded()))" : ResultWriter.decibels(decibels)
  }

  /// Behind "came back" where the originals are not known.
  private var certainty: String {
    items.allSatisfy { $0.record.isCertain == true }
      ? "certain: \(items.count == 1 ? "its own" : "their own") gradient is the shared one"
      : "certain: no other near \(items.count == 1 ? "it" : "them") has the shared update"
  }

  private var ambiguity: String {
    "has the shared update, but others may have it too"
  }

  /// The reasons of several records, each once.
  private func reasons(_ items: [Item]) -> String {
    var seen: Set<String> = []
    return items.map { reason($0.record) }.filter { seen.insert($0).inserted }
      .joined(separator: "; ")
  }

  /// Why a record tells nothing.
  private func reason(_ record: RunRecord) -> String {
    if record.diagnosis?.verdict == .notDetermined, record.doubt != .misfit {
      return "many \(kind.plural) have this update"
    }
    switch record.doubt {
    case .cutShort:
      return record.trials.contains { $0.reason == .interrupted }
        ? "the attack was interrupted"
        : "a limit of time or iterations ended the attack before it was done"
    case .misfit: return "the update does not fit the model as described"
    case .emptyUpdate: return "the update is zero whatever the \(kind.plural) are"
    case .otherTruth: return "the update is not that of the truth that was given"
    case nil: return "nothing proves what was found, and nobody knows the originals"
    }
  }
}
