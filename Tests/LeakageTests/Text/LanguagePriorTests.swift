import CPUBackend
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Clients
@testable import Solvers
@testable import Texts

/// A causal model with the tokenizer of Tests/Fixtures/tokenizers, as a folder.
private func prior(
  _ tokenizer: String = "byte-level", vocabulary: Int = 700, head: TextHead? = nil
) throws -> TextModelFolder {
  let folder = TestFolder()
  let settings = """
    {"model_type": "gpt2", "vocab_size": \(vocabulary), "n_embd": 32, "n_layer": 1, "n_head": 2,
     "n_positions": 24, "architectures": ["GPT2LMHeadModel"], "initializer_range": 0.3}
    """
  folder.file("config.json", Array(settings.utf8))
  folder.file(
    "tokenizer.json", bytes(of: fixtures + "/tokenizers/\(tokenizer)/tokenizer.json"))
  let model = try TextModel(TextModelConfiguration(contentsOf: folder("config.json")))
  let weighted = WeightedTextModel(untrained: model, seed: 5)
  try Safetensors.write(
    Dictionary(uniqueKeysWithValues: zip(model.parameters.map(\.name), weighted.parameters)),
    to: folder("model.safetensors"))
  return try TextModelFolder(folder.path, head: head, seed: 0)
}

@Suite struct LanguagePriorTests {
  /// The score is the model's own loss, whatever other texts are scored with it.
  @Test func scoresAreLosses() throws {
    let folder = try prior()
    let backend = CPUBackend()
    let scorer = LanguagePriorScorer(
      try LanguagePrior(folder, for: folder.tokenizer), backend: backend)
    let texts = [[5, 9, 11, 5], [7, 300], [12], Array(100..<117)]
    let scores = try scorer.scores(texts)
    for (text, score) in zip(texts, scores) where text.count > 1 {
      let loss = try folder.weighted.gradient(
        of: TextBatch(tokens: [text], labels: .nextTokens), backend: backend
      ).loss
      #expect(abs(score - loss) < 1e-4 * loss, "\(text): \(score), \(loss)")
    }
    #expect(scores[2] == 0)
    #expect(try scorer.scores([[5, 9, 11, 5]]) == [scores[0]])
  }

  @Test func anotherVocabularyIsReadThroughText() throws {
    let folder = try prior()
    let other = try Tokenizer(
      contentsOf: fixtures + "/tokenizers/word-piece/tokenizer.json")
    let same = try LanguagePrior(folder, for: folder.tokenizer)
    let mapped = try LanguagePrior(folder, for: other)
    #expect(same.sharesVocabulary && !mapped.sharesVocabulary)
    let text = "the lazy dog"
    #expect(
      mapped.tokens(of: other.encode(text))
        == folder.tokenizer.encode(other.decode(other.encode(text)), addsSpecialTokens: false))
    #expect(same.tokens(of: [4, 5]) == [4, 5])
  }

  @Test func onlyNextTokenModelsAreAsked() throws {
    let folder = try prior(head: .classification(classes: 2))
    #expect(throws: ModelError.self) { try LanguagePrior(folder, for: folder.tokenizer) }
  }

  /// Every move keeps all tokens, and each of the kinds occurs.
  @Test(arguments: [2, 3, 9])
  func movesArePermutations(_ count: Int) {
    var source = RandomSource(seed: 1)
    var seen: Set<[Int]> = []
    for _ in 0..<400 {
      let order = DiscreteMove.draw(count, &source)
      #expect(order.sorted() == Array(0..<count))
      seen.insert(order)
    }
    #expect(seen.count == (count == 2 ? 2 : count == 3 ? 6 : seen.count) && seen.count > 1)
    if count == 9 { #expect(seen.contains([3, 4, 5, 6, 7, 8, 0, 1, 2]) && seen.count > 80) }
  }

  /// The prior takes part: a search with it ends at texts that it likes no less.
  @Test func lampAsksThePrior() throws {
    let model = WeightedTextModel(
      untrained: try TextModel(
        TextModelConfiguration(
          architecture: .bert, vocabularySize: 700, width: 32, layers: 1, heads: 2, positions: 16,
          head: .classification(classes: 2), initializerRange: 0.2)), seed: 2)
    let backend = CPUBackend()
    let update = try model.share(
      TextBatch(tokens: [[5, 90, 211, 305, 17, 60, 41]], labels: .classes([1])), backend: backend)
    let folder = try prior()
    let prior = try LanguagePrior(folder, for: folder.tokenizer)
    func run(_ prior: LanguagePrior?) throws -> [[Int]] {
      try TextInversion(
        model, update: update,
        configuration: TextAttackConfiguration(attack: .lamp, seed: 4, iterations: 300),
        prior: prior, backend: backend
      ).run().texts
    }
    let (with, without) = (try run(prior), try run(nil))
    let scores = try LanguagePriorScorer(prior, backend: backend).scores(with + without)
    #expect(scores[0] < scores[1], "\(with) \(without)")
    #expect(try run(prior) == with)
  }
}
