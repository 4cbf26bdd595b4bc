import Audit
import Foundation
import Leakage
import TestSupport
import Testing

/// `gradleak demo text`: the bundled model and sentences, without any file.
@Suite struct TextDemoTests {
  let folder = TestFolder()

  private func records(_ arguments: [String]) throws -> [RunRecord] {
    let run = try BuiltTool.run(
      ["demo", "text", "--json", "--quiet"] + arguments, in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.errors.isEmpty)
    return try JSONDecoder().decode([RunRecord].self, from: Data(run.output.utf8))
  }

  @Test func readsEverySentence() throws {
    let first = try records(["--out", "out", "--seed", "3"])
    let texts = first.flatMap(\.examples)
    #expect(texts.map(\.original) == BundledText.privateTexts.map(Optional.some))
    #expect(texts.map(\.recovered) == BundledText.privateTexts)
    #expect(texts.allSatisfy { $0.level == .full && $0.measure("rouge2") == 1 })
    #expect(texts.allSatisfy { $0.trueLabel == $0.recoveredLabel && $0.baselines.count == 2 })
    #expect(Set(texts.map { $0.trueLabel?.text }) == ["0", "1"])
    #expect(first.allSatisfy { $0.isCertain == true && $0.configuration.seed == 3 })
    let written = try JSONDecoder().decode(
      [RunRecord].self, from: Data(bytes(of: folder("out/run.json"))))
    #expect(written == first)
    #expect(try records(["--seed", "3"]) == first)
  }

  /// Noise that one who knows of it reads through, and one who does not cannot.
  @Test func naiveAttacksDoNotKnowTheNoise() throws {
    let options = ["--attack", "dager", "--defence", "gaussian:1e-11"]
    func exact(_ records: [RunRecord]) -> Int {
      records.flatMap(\.examples).count { $0.level == .full }
    }
    let adaptive = try records(options)
    let naive = try records(options + ["--naive-attack"])
    #expect(exact(adaptive) > 10 && exact(naive) == 0)
    #expect(adaptive.allSatisfy { $0.defence?.isAdaptive == true })
    #expect(naive.allSatisfy { $0.defence?.isAdaptive == false })
  }

  @Test func printsSentencesAndRates() throws {
    let run = try BuiltTool.run(["demo", "text", "--batch-size", "2"], in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    let text = try #require(BundledText.privateTexts.first)
    #expect(run.output.contains("private    \(text)\nrecovered  \(text)"))
    for words in ["ROUGE-2", "frequent tokens", "bag of words in random order", "of 20 ("] {
      #expect(run.output.contains(words), "\(words)")
    }
  }

  /// What a masked language model has to guess is private too, and is told by the gradient.
  @Test func maskedWordsAreReadToo() throws {
    let texts = try records(["--head", "mlm"]).flatMap(\.examples)
    #expect(texts.map(\.original) == BundledText.privateTexts.map(Optional.some))
    #expect(texts.count { $0.level == .full } >= 18)
  }

  /// Of the tokens that stand at masks, noise hides which they were for a part only; the search for a
  /// classifier's texts, which `auto` ends with, has no say here.
  @Test func maskedWordsAreReadThroughRounding() throws {
    let texts = try records(["--head", "mlm", "--defence", "int8"]).flatMap(\.examples)
    #expect(texts.count { $0.level == .full } >= 10)
  }

  /// The paper's search shows how it goes, and does not find a sentence in no time.
  @Test func searchesAreNotGivenTheAnswer() throws {
    let records = try records(["--attack", "dlg", "--iterations", "2"])
    #expect(records.allSatisfy { $0.method == "dlg" && $0.isCertain == false })
    #expect(records.flatMap(\.examples).count { $0.level == .full } < 10)
  }

  /// The attack knows the defence: it finds next to nothing when it takes the rounding for the gradient.
  @Test func roundingToInt8IsNoDefence() throws {
    let records = try records(["--attack", "dager", "--freeze-embeddings", "--defence", "int8"])
    #expect(records.flatMap(\.examples).count { $0.level == .full } >= 15)
    #expect(records.allSatisfy { $0.isCertain == false })
  }

  /// The model has seen nothing of the private sentences, and its vocabulary can write them.
  @Test func theModelIsWhole() throws {
    let folder = try BundledText.model(seed: 0)
    #expect(folder.freshParameters.allSatisfy { !$0.contains("encoder") })
    #expect(!folder.freshParameters.isEmpty)
    #expect(try BundledText.model(head: .maskedLanguageModel, seed: 0).freshParameters.isEmpty)
    let unknown = try #require(folder.tokenizer.id(of: "[UNK]"))
    for text in BundledText.privateTexts {
      let tokens = folder.tokenizer.encode(text)
      #expect(!tokens.contains(unknown))
      #expect(folder.tokenizer.decode(tokens) == text)
    }
  }
}
