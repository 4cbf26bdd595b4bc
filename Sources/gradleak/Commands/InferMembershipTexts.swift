import ArgumentParser
import Attacks
import Audit
import Clients
import ModelIO
import Solvers
import Texts

/// Texts that cannot be in the batch, by their words.
extension InferMembershipCommand {
  /// Whether texts are asked for.
  var isOnTexts: Bool {
    table.file == nil && signal.file == nil && selection.isLanguageModel(texts, textModel)
  }

  /// What texts do not go with.
  ///
  /// - Throws: ``ValidationError``.
  func checkTexts() throws {
    guard pictures.isEmpty, rows == nil, candidates == nil else {
      throw ValidationError(
        "Pictures, --rows and --candidates do not go with texts; give one kind of data.")
    }
    try update.refuseFindingScale("--learning-rate")
    try update.refuse(defence)
    if update.file != nil, !texts.isGiven {
      throw ValidationError("There is nobody to ask for; give texts with --text or --texts.")
    }
  }

  /// What words exclude: of the texts that are given, or of the bundled ones.
  func ofTexts() throws -> MembershipRecord {
    guard let choice = update.choice(batchSize: batchSize) else { return try simulateTexts() }
    let experiments = try textExperiments(seed: seed)
    let runner = try textRunner(experiments)
    let prepared = try runner.prepareTexts(experiments.captured(choice, truth: []))
    for note in prepared.notes { Notes.remark(note) }
    return try TextMembershipStudy(runner).judge(
      prepared, candidates: try texts.read(), known: known)
  }

  private func simulateTexts() throws -> MembershipRecord {
    var seen: Set<String> = []
    let pool = (texts.isGiven ? try texts.read() : BundledText.privateTexts).filter {
      seen.insert($0).inserted
    }
    guard pool.count > batchSize else {
      throw ValidationError(
        "There are \(pool.count) different texts, and a batch of \(batchSize) leaves no other; give more, or a smaller --batch-size."
      )
    }
    let runner = try textRunner(try textExperiments(seed: seed))
    let prepared = try (0..<updates).map { index in
      let seed = seed &+ UInt64(index)
      var order = RandomSource(seed: seed).derive(label: "members")
      let members = order.permutation(of: pool.count).prefix(batchSize).map { pool[$0] }
      let experiments = try textExperiments(seed: seed).simulated(members, on: runner)
      return try experiments.map { try runner.prepareTexts($0) }
    }.flatMap(\.self)
    return try TextMembershipStudy(runner).judge(prepared, besides: pool)
  }

  private func textRunner(_ experiments: TextExperiments) throws -> TextRunner {
    guard let runner = try experiments.runner(output) as? TextRunner else {
      throw ValidationError("There is no language model; give one with --model.")
    }
    return runner
  }

  private func textExperiments(seed: UInt64) throws -> TextExperiments {
    var attack = AttackConfiguration(TextAttackKind.automatic)
    attack.seed = seed
    var base = try textModel.experiment(try selection.textChoice(), attack)
    try base.add(defence)
    return TextExperiments(
      base: base, options: textModel, training: training, aggregate: nil, batchSize: batchSize)
  }
}
