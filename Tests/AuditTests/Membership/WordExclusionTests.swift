import Attacks
import CPUBackend
import Clients
import Defences
import TestSupport
import Testing

@testable import Audit

/// Texts that words exclude from a batch.
@Suite struct WordExclusionTests {
  private let backend = CPUBackend(CPUBackend.Options(threadCount: 1))
  private let pool = BundledText.privateTexts

  private func runner(_ change: (inout Experiment) -> Void = { _ in }) throws -> (
    TextRunner, Experiment
  ) {
    var experiment = try Experiment(json: Array(#"{"data": {"texts": []}}"#.utf8), path: "e.json")
    change(&experiment)
    let runner = try DataKinds.kind(.texts).runner(
      for: experiment, batchSizes: [2], backend: backend)
    return (try #require(runner as? TextRunner), experiment)
  }

  private func judged(
    _ members: [String], defences: String? = nil, head: String? = nil
  ) throws -> MembershipRecord {
    let (runner, base) = try runner { $0.model.head = head }
    var experiment = base
    experiment.data.examples = members
    experiment.defences = try defences.map { try DefenceChain($0) } ?? .none
    let prepared = try runner.prepareTexts(runner.labelled(experiment))
    return try TextMembershipStudy(runner).judge([prepared], besides: pool)
  }

  /// Exactly the texts that have a token which neither member has, by the tokenizer alone.
  @Test func textsAreExcludedByTheirWords() throws {
    let members = Array(pool.prefix(2))
    let (runner, experiment) = try runner()
    let tokenizer = try runner.selected(seed: experiment.attack.seed).tokenizer
    let words = Set(members.flatMap { tokenizer.encode($0) })
    let excluded = pool.dropFirst(2).count { !words.isSuperset(of: tokenizer.encode($0)) }
    let exclusions = try #require(try judged(members).exclusions)
    #expect(exclusions.told == 1 && exclusions.members == 0 && exclusions.memberCount == 2)
    #expect(exclusions.others == excluded && exclusions.otherCount == pool.count - 2)
    #expect(excluded > 10)
  }

  /// Of words that all occur nothing is said.
  @Test func aTextOfOccurringWordsIsLeft() throws {
    let (runner, base) = try runner()
    var experiment = base
    experiment.data.examples = ["the night was cold and the house was dark"]
    let prepared = try runner.prepareTexts(runner.labelled(experiment))
    let record = try TextMembershipStudy(runner).judge(
      prepared, candidates: ["the cold night", "the warm night"], known: ["a cold day"])
    let texts = try #require(record.texts)
    #expect(texts.map(\.missing.isEmpty) == [true, false])
    #expect(record.exclusions?.others == 1 && record.exclusions?.otherCount == 1)
    #expect(record.isSound)
  }

  /// What is not certain is not said: noise has no zeros, a client's pruning makes others, and masks hide words.
  @Test(
    arguments: [
      ("gaussian:1e-6", nil, "noise"), ("prune:0.99", nil, "were left out"),
      (nil, "mlm", "masked language model"),
    ] as [(String?, String?, String)])
  func nothingUncertainIsExcluded(_ defence: String?, _ head: String?, _ words: String) {
    let error = #expect(throws: AttackError.self) {
      try judged(Array(pool.prefix(2)), defences: defence, head: head)
    }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }
}
