import Attacks
import Clients
import TensorGraph
import Texts

/// Which texts cannot be in the batch behind an update, by their words: a token that no text of the batch has leaves its row of the
/// word embedding without a gradient (Melis et al. 2019, arXiv 1805.04049, section 4.1). Nothing is estimated.
struct WordExclusion {
  private let occurring: Set<Int>
  private let selected: SelectedTextModel

  /// - Throws: ``AttackError`` of kind ``AttackError/Kind/notApplicable`` when the update's zeros exclude nothing for certain.
  init(
    _ update: TextUpdate, of selected: SelectedTextModel, backend: any Backend
  ) throws(AttackError) {
    if case .maskedLanguageModel = selected.model.configuration.head {
      throw AttackError(
        "a masked language model does not read all words of its texts, so that a word without a gradient excludes none; "
          + "use the attack embedding of 'gradleak text'")
    }
    guard let bag = try BagOfWords.read(update, model: selected.model, backend: backend) else {
      throw AttackError(
        "the update has no gradient of the word embedding, whose zeros exclude texts; try 'gradleak text'"
      )
    }
    guard !bag.isTied else {
      throw AttackError(
        "the word embedding of \(selected.model.name) is its last layer too, so that every word has a gradient; try 'gradleak text'"
      )
    }
    guard bag.excludesOthers else {
      throw AttackError(
        "the update has noise on every word, or numbers of it were left out, so that its zeros exclude no text; try 'gradleak text'"
      )
    }
    (occurring, self.selected) = (Set(bag.tokens), selected)
  }

  /// The words of a text that no text of the batch has, each once; none where the text can be in the batch.
  ///
  /// - Throws: ``AttackError`` when the model does not take the text.
  func missing(from text: String) throws(AttackError) -> [String] {
    var seen = occurring
    return try selected.tokens(of: text).filter { seen.insert($0).inserted }.map {
      selected.tokenizer.token(of: $0) ?? "\($0)"
    }
  }
}

/// Asks which texts are not in the batches behind updates.
package struct TextMembershipStudy {
  private let runner: TextRunner

  package init(_ runner: TextRunner) {
    self.runner = runner
  }

  /// Asks it of the texts of a pool beside simulated clients.
  ///
  /// - Parameters:
  ///   - updates: at least one, each with texts of the pool.
  ///   - pool: no two the same.
  /// - Throws: ``AttackError`` when a defence does not apply, the backend fails, or no update tells.
  package func judge(
    _ updates: [PreparedTexts], besides pool: [String]
  ) throws -> MembershipRecord {
    var (members, others) = ([Bool](), [Bool]())
    var (told, reason) = (0, AttackError?.none)
    for prepared in updates {
      let words: WordExclusion
      do {
        words = try exclusion(prepared)
      } catch let error as AttackError where error.kind == .notApplicable {
        reason = error
        continue
      }
      told += 1
      let inside = Set(prepared.truth.map(\.text))
      for text in pool {
        let isExcluded = try !words.missing(from: text).isEmpty
        if inside.contains(text) { members.append(isExcluded) } else { others.append(isExcluded) }
      }
    }
    if told == 0, let reason { throw reason }
    var record = record(updates)
    record.exclusions = exclusions(told: told, members: members, others: others)
    return record
  }

  /// Asks it of texts beside a client's update.
  ///
  /// - Parameter known: texts that are not in the batch, to see how many are left by chance; may be empty.
  /// - Throws: ``AttackError`` when the update does not tell.
  package func judge(
    _ prepared: PreparedTexts, candidates: [String], known: [String]
  ) throws -> MembershipRecord {
    let words = try exclusion(prepared)
    var record = record([prepared])
    record.calibration = known.count
    record.texts = try candidates.map { text throws(AttackError) in
      MembershipRecord.Text(text: text, missing: try words.missing(from: text))
    }
    record.exclusions = exclusions(
      told: 1, members: [],
      others: try known.map { text throws(AttackError) in try !words.missing(from: text).isEmpty })
    return record
  }

  private func exclusion(_ prepared: PreparedTexts) throws -> WordExclusion {
    try WordExclusion(
      prepared.sharedUpdate(), of: runner.selected(seed: prepared.experiment.attack.seed),
      backend: runner.backend)
  }

  private func exclusions(
    told: Int, members: [Bool], others: [Bool]
  ) -> MembershipRecord.Exclusions {
    let rate = SuccessRate(others)
    return MembershipRecord.Exclusions(
      told: told, members: members.count { $0 }, memberCount: members.count,
      others: rate.successes, otherCount: rate.count,
      interval: others.isEmpty
        ? [0, 1] : [rate.interval.lowerBound, rate.interval.upperBound])
  }

  private func record(_ updates: [PreparedTexts]) -> MembershipRecord {
    let experiment = updates.first?.experiment ?? Experiment()
    return MembershipRecord(
      kind: DataKindName.texts.rawValue, model: experiment.model.name,
      batchSize: experiment.batchSize, updates: updates.count, seed: experiment.attack.seed,
      defence: experiment.defences.isEmpty ? nil : experiment.defences.description,
      calibration: 0)
  }
}
