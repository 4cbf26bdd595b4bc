import Leakage
import ModelIO
import TensorGraph

/// Compares recovered texts with the private ones, and with guesses.
struct TextScores {
  private let prepared: PreparedTexts
  private let selected: SelectedTextModel
  private let result: TextAttackResult
  private var tokenizer: Tokenizer { selected.tokenizer }

  /// Words that any attacker of English would guess first.
  private static let frequentWords = "the of and to a in is that it was for on with he as i , ."

  init(
    _ prepared: PreparedTexts, _ selected: SelectedTextModel, _ result: TextAttackResult
  ) {
    (self.prepared, self.selected, self.result) = (prepared, selected, result)
  }

  /// One for each private text.
  func examples() throws(AttackError) -> [ExampleResult] {
    let batch = try prepared.privateBatch(selected)
    let originals = batch.unmasked
    let order = matchTexts(reconstructions: result.texts, originals: originals)
    let baselines = baselines(originals)
    return prepared.truth.indices.map { index in
      let tokens = order[index].map { result.texts[$0] } ?? []
      let quality = quality(tokens, originals[index])
      let guess = baselines[index].first?.score.value ?? 0
      let share = bagShare(of: originals[index], among: originals)
      var example = ExampleResult(
        name: prepared.truth[index].name, original: tokenizer.decode(originals[index]),
        recovered: tokenizer.decode(tokens), score: quality.rouge.rouge1,
        measures: quality.measures.merging(share.map { ["bagShare": $0] } ?? [:]) { $1 },
        baselines: baselines[index])
      example.fingerprint = Fingerprint.of([
        ("text", Tensor([originals[index].count], .i32, originals[index].map(Double.init)))
      ])
      example.recoveredTokens = tokens
      example.recoveredLabel = result.label(order[index])
      switch batch.labels {
      case .classes(let classes): example.trueLabel = ExampleLabel(String(classes[index]))
      case .values(let values): example.trueLabel = ExampleLabel(targets: values[index])
      case .nextTokens, .someNextTokens, .masked: break
      }
      example.level = level(
        quality, guess: guess, bagShare: share ?? 0, isLabelRight: example.isLabelRight == true)
      return example
    }
  }

  private func level(
    _ quality: TextQuality, guess: Double, bagShare: Double, isLabelRight: Bool
  ) -> LeakLevel {
    if quality.isExact { return .full }
    let rouge = quality.rouge.rouge1
    if rouge >= LeakThreshold.recognisableROUGE,
      rouge >= guess + LeakThreshold.marginOverFrequentWords
    {
      return .recognisable
    }
    if bagShare >= LeakThreshold.recognisableBagShare { return .recognisable }
    return isLabelRight ? .label : .nothing
  }

  /// Of a text's tokens that are neither special nor frequent in any text, the share that the update's bag of words
  /// holds; nil where all tokens are frequent, or without a bag that is at least half right.
  private func bagShare(of original: [Int], among originals: [[Int]]) -> Double? {
    guard let bag = result.bag,
      2 * Set(originals.joined()).intersection(bag.tokens).count >= bag.tokens.count
    else { return nil }
    let telling = Set(original).subtracting(tokenizer.specialTokens).subtracting(frequentTokens)
    guard !telling.isEmpty else { return nil }
    return Double(telling.intersection(bag.tokens).count) / Double(telling.count)
  }

  private var frequentTokens: [Int] {
    tokenizer.encode(TextScores.frequentWords, addsSpecialTokens: false)
  }

  /// For each private text what guesses without the update get.
  private func baselines(_ originals: [[Int]]) -> [[ExampleResult.Guess]] {
    var source = RandomSource(seed: prepared.experiment.attack.seed).derive(label: "baseline")
    let guesses = [
      (
        "frequent tokens",
        TextBaseline.frequentTokens(originals, frequent: frequentTokens, using: &source)
      ),
      ("bag of words in random order", TextBaseline.shuffled(originals, using: &source)),
    ]
    let scored = guesses.map { name, guess in
      let order = matchTexts(reconstructions: guess, originals: originals)
      return originals.indices.map { index in
        let quality = quality(order[index].map { guess[$0] } ?? [], originals[index])
        return ExampleResult.Guess(
          name: name, score: quality.rouge.rouge1, measures: quality.measures)
      }
    }
    return originals.indices.map { index in scored.map { $0[index] } }
  }

  private func quality(_ tokens: [Int], _ original: [Int]) -> TextQuality {
    TextQuality(of: tokens, original: original) { tokenizer.decode($0) }
  }
}

extension TextQuality {
  /// By the names that records have.
  fileprivate var measures: [String: Double] {
    [
      "tokenAccuracy": tokenAccuracy, "rouge1": rouge.rouge1, "rouge2": rouge.rouge2,
      "rougeL": rouge.rougeL,
    ]
  }
}
