import Attacks

/// What a set of records says, in words: the best attack on each private example counts.
public struct LeakageVerdict: Sendable {
  /// Records of undefended updates, or all where every update was defended.
  public let records: [RunRecord]
  /// The kind of data that was attacked; examples in general for several kinds.
  public let kind: DataKindDescriptor
  /// The best result on each example, judged by the original: the worst case for the client.
  public let examples: [any JudgedExample]
  /// How much of each of ``examples`` came back.
  public let levels: [LeakLevel]
  /// One letter for all of it.
  public let grade: LeakageGrade
  /// What the grade rests on.
  public let evidence: EvidenceClass
  /// What the updates' noise guarantees against every attack; nil where some have none.
  public let bound: GuaranteedBound?
  /// What else is known of it.
  public let privacy: PrivacyEvidence
  /// What was learnt of members and properties, a sentence each.
  let inference: [String]
  /// Examples that came back in full.
  public let full: LeakRate
  /// Examples that can at least be recognised.
  public let recognisable: LeakRate
  /// Known labels that the attack found by itself.
  public let labels: SuccessRate
  /// Whether the updates that are judged were defended.
  public let isDefended: Bool
  /// Number of classes; 0 when records differ in it.
  public let classCount: Int

  /// Judges records: the undefended ones, or all where every update was defended.
  ///
  /// - Parameter others: of the same clients; a guarantee that they refute counts for nothing.
  public init(_ all: [RunRecord], _ others: PrivacyRecords = PrivacyRecords()) {
    let plain = all.filter { ($0.defence?.chain ?? .none).isEmpty }
    isDefended = plain.isEmpty && !all.isEmpty
    records = plain.isEmpty ? all : plain
    let judged = LeakageVerdict.best(of: records)
    examples = judged.map(\.example)
    levels = judged.map(\.level)
    let kinds = Set(all.map(\.kind))
    kind = kinds.count > 1 ? DataKinds.mixed : DataKinds.descriptor(kinds.first ?? .pictures)
    let counts = Set(records.map(\.model.classCount))
    // One output has the labels 0 and 1.
    classCount = counts.count == 1 ? max(counts.first ?? 0, counts.first == 1 ? 2 : 0) : 0
    func rate(_ level: LeakLevel) -> LeakRate {
      LeakRate(
        judged.map {
          LeakRate.Item($0.level >= level ? .leaked : $0.level.belowThreshold, ties: $0.ties)
        })
    }
    full = rate(.full)
    recognisable = rate(.recognisable)
    labels = SuccessRate(examples.compactMap(\.isLabelRight))
    bound = GuaranteedBound(records)
    privacy = PrivacyEvidence(bound, others)
    inference =
      others.memberships.map(\.sentence) + others.properties.map { "Property \($0.sentence)" }
    let isBounded = bound?.isEnough ?? false && privacy.contradiction == nil
    grade = LeakageGrade(
      full: full, recognisable: recognisable, labels: labels, classCount: classCount,
      isBounded: isBounded, guessedLabels: LeakageVerdict.guessedLabels(examples)?.rate ?? 0)
    if recognisable.leaked > 0 {
      let isMeasured = judged.contains { $0.level >= .recognisable && $0.example.hasTruth }
      evidence = isMeasured ? .attackSucceeded : .proved
    } else {
      evidence = grade == .notShown ? .notShown : isBounded ? .bounded : .attackFailed
    }
  }

  /// What makes two results be of the same private example in the same update.
  private struct Target: Hashable {
    let update: String
    let defence: String
    let index: Int
    let example: String
  }

  private struct Judged {
    let example: any JudgedExample
    let level: LeakLevel
    let ties: [String]
  }

  private static func best(of records: [RunRecord]) -> [Judged] {
    var order: [Target] = []
    var best: [Target: Judged] = [:]
    for record in records {
      for (index, example) in record.judged.enumerated() {
        let target = Target(
          update: record.update.fingerprint + record.model.fingerprint,
          defence: record.defence?.chain.description ?? "", index: index,
          example: example.fingerprint ?? example.name)
        let new = Judged(
          example: example, level: record.level(of: example), ties: record.ties(of: example))
        guard let old = best[target] else {
          order.append(target)
          best[target] = new
          continue
        }
        let isCloser = new.level == old.level && new.example.score > old.example.score
        if new.level > old.level || isCloser { best[target] = new }
      }
    }
    return order.compactMap { best[$0] }
  }

  /// The highest PSNR of any image in dB; minus infinity without images.
  public var highestPSNR: Double {
    examples.compactMap { ($0 as? ImageResult)?.decibels }.filter { !$0.isNaN }.max() ?? -.infinity
  }

  /// Whether all that is open is so for want of time.
  public var isCutShort: Bool {
    recognisable.undetermined > 0
      && records.contains { $0.doubt == .cutShort }
      && !records.contains { $0.doubt == .misfit || $0.doubt == .emptyUpdate }
  }
}

extension LeakLevel {
  /// What it counts as where it is below the level that is counted.
  fileprivate var belowThreshold: LeakRate.Outcome {
    self == .undetermined ? .undetermined : .held
  }
}

// MARK: - Words

extension LeakageVerdict {
  /// The verdict in sentences, each a paragraph of its own where there is room: what is not known, what
  /// leaked, how certain, against which baseline, under which threat model.
  public var sentences: [String] {
    guard !examples.isEmpty else { return ["There are no runs to judge."] }
    return cautions + [leak] + certificates + bounds + truths + inference + diagnoses + threatModels
  }

  /// What keeps these runs from telling more, first of all.
  private var cautions: [String] {
    var sentences = RunRecord.Doubt.allCases.compactMap { doubt -> String? in
      let count = records.count { $0.doubt == doubt }
      guard count > 0, doubt != .otherTruth || recognisable.undetermined > 0 else { return nil }
      return "\(doubt.words): \(count) of \(records.count) attacks."
        + (records.lazy.filter { $0.doubt == doubt }.compactMap(\.misfit?.sentence).first.map {
          " \($0)"
        } ?? "")
    }
    let open = examples.count { !$0.hasTruth }
    if open > 0, recognisable.undetermined > 0 {
      sentences.append(
        "Nobody knows the originals of \(open) of \(examples.count) \(kind.plural), so that an attack which does "
          + "not prove what it found shows nothing.")
    }
    let updates = Dictionary(grouping: records) { $0.update.fingerprint + $0.model.fingerprint }
    let ambiguous = updates.values.count { alike in
      Set(alike.map { $0.judged.map { $0.fingerprint ?? $0.name } }).count > 1
    }
    if ambiguous > 0 {
      sentences.append(
        "\(ambiguous) of \(updates.count) updates are shared by different \(kind.plural) to the last bit: each "
          + "counts as one, and tells nothing of which \(kind.singular) it is.")
    }
    return sentences
  }

  private var leak: String {
    let from = isDefended ? "defended updates" : "the shared updates"
    let basis = "Evidence: \(evidence.rawValue)."
    let inFull =
      examples.allSatisfy { !$0.hasTruth }
      ? "the diagnosis says that the solution is the only one" : kind.fullRule
    if full.leaked > 0 {
      let others = recognisable.leaked - full.leaked
      return "Of the private \(kind.plural), \(full) came back in full from \(from): \(inFull)"
        + (others > 0 ? "; another \(others) can be recognised. " : ". ") + basis
    }
    if recognisable.leaked > 0 {
      return
        "No \(kind.singular) came back in full from \(from), but \(recognisable) can be recognised: "
        + "\(kind.recognisableRule). " + basis
    }
    if grade == .notShown {
      return "Not shown: no leak was found in \(from), \(recognisable) recognisable. " + basis
    }
    return "No \(kind.singular) can be recognised from \(from): \(recognisable). " + basis
  }

  /// Of rows: how many updates prove them without the originals.
  private var certificates: [String] {
    guard kind.name == .rows else { return [] }
    let certain = records.count { $0.isCertain == true }
    return [
      "Certified without the originals: \(certain) of \(records.count) updates, each the rows' own and no near miss's; "
        + "all else is known by comparison with the originals."
    ]
  }

  /// What holds for attacks that nobody tried.
  private var bounds: [String] {
    guard let bound else { return [] }
    if let contradiction = privacy.contradiction { return [contradiction.sentence] }
    guard bound.isContradicted(by: recognisable.units) else { return ["\(bound.sentence)."] }
    return [
      "More came back than this noise allows any attack: it is not what the record says, or this program is wrong. "
        + "\(bound.sentence)."
    ]
  }

  /// Labels and baselines as far as the originals are known.
  private var truths: [String] {
    let unknown = examples.count { !$0.hasTruth }
    var sentences: [String] = []
    if labels.count > 0 { sentences.append(labelSentence) }
    if unknown < examples.count { sentences.append(baseline) }
    if unknown > 0 {
      sentences.append(
        "Originals that are not known: \(unknown) of \(examples.count); for these the diagnosis decides."
      )
    }
    return sentences + [unitSentence]
  }

  /// What the intervals count.
  private var unitSentence: String {
    func counted(_ names: [String], _ noun: String, _ plural: String) -> String {
      let count = Set(names).count
      return "\(count) \(count == 1 ? noun : plural)"
    }
    let known = examples.filter(\.hasTruth).map { $0.fingerprint ?? $0.name }
    let units = recognisable.units.count
    return "Intervals count \(units) independent unit\(units == 1 ? "" : "s"): "
      + counted(records.map(\.update.fingerprint), "update", "updates")
      + (known.isEmpty
        ? "" : ", " + counted(known, "distinct \(kind.singular)", "distinct \(kind.plural)"))
      + ", weights of " + counted(records.map(\.model.fingerprint), "kind", "kinds") + "."
  }

  /// Of rows: how many labels are the table's most frequent one; of masks how many are of one class; nil of other data.
  private static func guessedLabels(_ examples: [any JudgedExample]) -> SuccessRate? {
    let shares = examples.compactMap { ($0 as? ImageResult)?.mask?.commonestShare?.value }
    guard shares.isEmpty else { return SuccessRate(shares.map { $0 >= MaskResult.rightFrom }) }
    let guesses = examples.compactMap { ($0 as? ExampleResult)?.baselines.first?.measures["label"] }
    return guesses.isEmpty ? nil : SuccessRate(guesses.map { $0.value == 1 })
  }

  private var labelSentence: String {
    "Labels right: \(labels)\(labelGuess.map { "; \($0)" } ?? "")."
  }

  /// What guessing finds of the labels, a phrase; nil where that is not known.
  var labelGuess: String? {
    if let guessed = LeakageVerdict.guessedLabels(examples) {
      return "the most frequent one is right for \(guessed.successes) of \(guessed.count)"
    }
    return classCount > 1 ? "guessing gives 1 in \(classCount)" : nil
  }

  /// Whether labels were found more often than by guessing.
  var areLabelsTold: Bool {
    let areMasks = examples.contains { ($0 as? ImageResult)?.mask != nil }
    let chance = areMasks ? 0 : 1 / Double(max(classCount, 1))
    return labels.interval.lowerBound
      > max(chance, LeakageVerdict.guessedLabels(examples)?.rate ?? 0)
  }

  /// What guesses get, beside what came back.
  private var baseline: String {
    func middle(_ scores: [Double]) -> String { kind.text(medianNumber(scores)) + kind.unit }
    let phrases = examples.first { !$0.guesses.isEmpty }?.guesses.map(\.phrase) ?? []
    let guesses = phrases.enumerated().map { place, phrase in
      let scores = examples.map {
        $0.guesses.indices.contains(place) ? $0.guesses[place].score : .nan
      }
      return "\(phrase) \(middle(scores))"
    }
    return "Median \(kind.score) \(middle(examples.map(\.score)))"
      + (guesses.isEmpty ? "." : "; knowing nothing, \(guesses.joined(separator: " and ")).")
  }

  private var diagnoses: [String] {
    // A closed form's certainty holds for the update as it was computed, not for a defended one.
    guard !isDefended else { return [] }
    let all = records.compactMap(\.diagnosis)
    return Diagnosis.Verdict.allCases.compactMap { verdict in
      let alike = all.filter { $0.verdict == verdict }
      return alike.first.map {
        "Diagnosis (\(alike.count) of \(all.count)): \(verdict.rawValue). \($0.explanation)"
      }
    }
  }

  /// The threat models, each once.
  public var threatModels: [String] {
    var seen: Set<String> = []
    return records.map { "Threat model: \($0.threatModel)." }.filter { seen.insert($0).inserted }
  }
}

/// The middle of the values that are numbers; NaN for none.
package func medianNumber(_ values: [Double]) -> Double {
  median(values.filter { !$0.isNaN })
}

extension RunRecord.Doubt {
  /// Without a full stop.
  var words: String {
    switch self {
    case .cutShort:
      "Undetermined, since a limit of time or iterations ended the attack before it was done"
    case .misfit: "Undetermined, since the update does not fit the model as described"
    case .emptyUpdate: "Undetermined, since the update is zero whatever the data are"
    case .otherTruth:
      "Undetermined, since the attack found the only batch with this update, and it is not what was "
        + "given as the truth"
    }
  }
}
