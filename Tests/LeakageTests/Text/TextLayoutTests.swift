import Attacks
import CPUBackend
import TensorGraph
import Testing

@testable import Solvers
@testable import Texts

private func encoder(
  head: TextHead = .classification(classes: 3), loss: TextLoss? = nil
) throws -> WeightedTextModel {
  WeightedTextModel(
    untrained: try TextModel(
      TextModelConfiguration(
        architecture: .bert, vocabularySize: 60, width: 64, layers: 2, heads: 4, positions: 16,
        head: head, loss: loss, paddingToken: 0, initializerRange: 0.2)), seed: 2)
}

private func decoder(_ head: TextHead = .languageModel) throws -> WeightedTextModel {
  WeightedTextModel(
    untrained: try TextModel(
      TextModelConfiguration(
        architecture: .gpt2, vocabularySize: 60, width: 48, layers: 2, heads: 4, positions: 16,
        head: head, initializerRange: 0.2)), seed: 1)
}

private let embeddings: Set<String> = [
  "bert.embeddings.word_embeddings.weight", "bert.embeddings.position_embeddings.weight",
  "bert.embeddings.token_type_embeddings.weight",
]

private func run(_ weighted: WeightedTextModel, _ update: TextUpdate) throws -> TextAttackResult {
  try TextInversion(
    weighted, update: update,
    configuration: TextAttackConfiguration(beginning: [2], ending: [3]), backend: CPUBackend()
  ).run()
}

private func attack(
  _ weighted: WeightedTextModel, _ batch: TextBatch, withholding: Set<String> = []
) throws -> TextAttackResult {
  try run(weighted, weighted.share(batch, backend: CPUBackend()).withholding(withholding))
}

/// What a client gives a model with besides one text's tokens, or compares with besides a class.
@Suite struct TextLayoutTests {
  @Test(arguments: [Set<String>(), embeddings])
  func pairsAreReadWithTheirSegments(_ withheld: Set<String>) throws {
    let layout = TextLayout(segments: [0, 0, 0, 0, 1, 1, 1])
    let batch = TextBatch(
      tokens: [[2, 9, 7, 3, 9, 5, 3]], labels: .classes([1]), layouts: [layout])
    let result = try attack(encoder(), batch, withholding: withheld)
    #expect(result.texts == batch.tokens && result.layouts == [layout] && result.isCertain)
    #expect(result.diagnosis?.verdict == .recovered)
  }

  /// Padding has no gradient of its own; attended, it changes that of the others.
  @Test(arguments: [Set<String>(), embeddings])
  func attendedPaddingIsRead(_ withheld: Set<String>) throws {
    for text in [[2, 9, 7, 5, 3, 0, 0, 0], [0, 0, 2, 9, 7, 5, 3]] {
      let batch = TextBatch(tokens: [text], labels: .classes([2]))
      let result = try attack(encoder(), batch, withholding: withheld)
      #expect(result.texts == [text] && result.isCertain, "\(result.texts)")
    }
  }

  @Test(arguments: [1, 2, 4])
  func paddingBeforeATextIsLeftOut(_ count: Int) throws {
    let text = [Int](repeating: 0, count: count) + [2, 9, 7, 5, 3]
    let layout = TextLayout(isAttended: text.indices.map { $0 >= count })
    let batch = TextBatch(tokens: [text], labels: .classes([2]), layouts: [layout])
    for model in [try encoder(), try decoder(.classification(classes: 3))] {
      let result = try attack(model, batch)
      #expect(result.texts == [[2, 9, 7, 5, 3]], "\(result.texts)")
      #expect(result.isCertain)
    }
  }

  @Test(arguments: [TextLoss.regression, .multiLabel])
  func numbersAreReadOff(_ loss: TextLoss) throws {
    let values =
      loss == .multiLabel ? [[1.0, 0, 1], [0.0, 0, 0.25]] : [[0.5, -2, 0.1], [3, 1, -1]]
    let model = try encoder(loss: loss)
    let batch = TextBatch(
      tokens: [[2, 9, 7, 5, 3], [2, 8, 30, 12, 41, 3]], labels: .values(values))
    let result = try attack(model, batch)
    // Texts of a batch come in no order, each with its own targets.
    #expect(Set(result.texts) == Set(batch.tokens))
    let found = try #require(result.targets)
    for (text, targets) in zip(batch.tokens, values) {
      let place = try #require(result.texts.firstIndex(of: text))
      for (left, right) in zip(found[place], targets) { #expect(abs(left - right) < 1e-3) }
    }
    #expect(result.classes == nil)
  }

  @Test func promptsMayBeNoLabels() throws {
    let tokens = [[5, 9, 30, 11, 7, 30, 21]]
    let counts = [[false, false, false, false, true, true, true]]
    let batch = TextBatch(tokens: tokens, labels: .someNextTokens(counts))
    let result = try attack(decoder(), batch)
    #expect(result.texts == tokens && result.isCertain)
  }

  /// Said of the update itself, before any text.
  @Test func misfitsAreNamed() throws {
    let model = try encoder()
    let batch = TextBatch(tokens: [[2, 9, 7, 5, 3]], labels: .classes([1]))
    let update = try model.share(batch, backend: CPUBackend())
    func changed(_ change: (Tensor) -> [Double]) throws -> Diagnosis {
      let result = try run(
        model,
        TextUpdate(
          gradients: update.gradients.mapValues { Tensor($0.shape, .f64(change($0))) },
          batchSize: 1, model: model.model))
      #expect(!result.isCertain)
      return try #require(result.diagnosis)
    }
    let scaled = try changed { $0.doubles.map { 37 * $0 } }
    #expect(scaled.verdict == .doesNotFit && scaled.explanation.description.contains("37.0 times"))
    let negated = try changed { $0.doubles.map { -$0 } }
    #expect(
      negated.verdict == .doesNotFit && negated.explanation.description.contains("-1.0 times"))
    var source = RandomSource(seed: 5)
    let random = try changed { $0.doubles.map { _ in source.normal() } }
    #expect(random.verdict == .doesNotFit)
    let rounded = try changed {
      $0.doubles.map { Double(Float(bitPattern: Float($0).bitPattern & 0xFFFF_0000)) }
    }
    #expect(rounded.verdict == .recoveredUpToAmbiguity)
    let zero = try changed { $0.doubles.map { _ in 0 } }
    #expect(zero.verdict == .carriesNothing)
  }

  /// A gradient of another loss does not sum to 0 over the classes.
  @Test func otherLossesAreNoticed() throws {
    let batch = TextBatch(tokens: [[2, 9, 7, 5, 3]], labels: .values([[1, 0, 1]]))
    let update = try encoder(loss: .multiLabel).share(batch, backend: CPUBackend())
    let result = try run(encoder(), update)
    #expect(result.diagnosis?.verdict == .doesNotFit && !result.isCertain)
    #expect(result.diagnosis?.explanation.description.contains("problem_type") == true)
  }
}
