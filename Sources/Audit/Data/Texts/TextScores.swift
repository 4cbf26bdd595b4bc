import Clients
import ModelIO
import Solvers
import TensorGraph
import Texts

/// Compares recovered texts with the private ones, and with guesses.
struct TextScores {
  private let prepared: PreparedTexts
  private let selected: SelectedTextModel
  private let result: TextAttackResult
  private let frequentTokens: [Int]
  private var tokenizer: Tokenizer { selected.tokenizer }

  /// Words that any attacker of English would guess first.
  private static let frequentWords = "the of and to a in is that it was for on with he as i , ."

  init(
    _ prepared: PreparedTexts, _ selected: SelectedTextModel, _ result: TextAttackResult
  ) {
    (self.prepared, self.selected, self.result) = (prepared, selected, result)
    frequentTokens = selected.tokenizer.encode(
      TextScores.frequentWords, addsSpecialTokens: false)
  }

  /// One for each private text.
  func examples() throws(AttackError) -> [ExampleResult] {
    let batch = try prepared.privateBatch(selected)
    let originals = batch.unmasked
    let order = matchTexts(reconstructions: result.texts, originals: originals)
    let baselines = baselines(originals)
    let bag = tellingBag(of: originals)
    return prepared.truth.indices.map { index in
      let tokens = order[index].map { result.texts[$0] } ?? []
      let quality = quality(tokens, originals[index])
      let guess = baselines[index].first?.score.value ?? 0
      let share = bag.flatMap { bagShare(of: originals[index], in: $0) }
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
  /// holds; nil where all tokens are frequent.
  private func bagShare(of original: [Int], in bag: BagOfWords) -> Double? {
    let telling = Set(original).subtracting(tokenizer.specialTokens).subtracting(frequentTokens)
    guard !telling.isEmpty else { return nil }
    return Double(telling.intersection(bag.tokens).count) / Double(telling.count)
  }

  /// The update's bag of words; nil without one that is at least half right.
  private func tellingBag(of originals: [[Int]]) -> BagOfWords? {
    result.bag.flatMap { bag in
      let right = Set(originals.joined()).intersection(bag.tokens).count
      return 2 * right >= bag.tokens.count ? bag : nil
    }
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
