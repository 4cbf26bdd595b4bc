import Clients
import ModelIO
import TensorGraph

/// A causal language model that tells likely texts from others: LAMP's prior (Balunović et al. 2022,
/// section 4.2).
///
/// The prior may have a tokenizer of its own. Where both vocabularies are the same, token for token, the
/// attacked model's numbers are the prior's; else a text is decoded and encoded again.
package struct LanguagePrior: Sendable {
  package let weighted: WeightedTextModel
  /// Whether token numbers are used as they are.
  package let sharesVocabulary: Bool
  private let own: Tokenizer
  private let attacked: Tokenizer

  /// - Parameter tokenizer: the attacked model's.
  /// - Throws: ``ModelError`` when the model does not predict next tokens.
  package init(_ folder: TextModelFolder, for tokenizer: Tokenizer) throws(ModelError) {
    guard folder.weighted.model.configuration.head == .languageModel else {
      throw ModelError(
        "a prior tells how likely texts are, and this model has a "
          + "\(folder.weighted.model.configuration.head.name) head; give a causal language model, such "
          + "as a GPT-2")
    }
    let own = folder.tokenizer
    weighted = folder.weighted
    self.own = own
    attacked = tokenizer
    sharesVocabulary =
      own.vocabularySize == tokenizer.vocabularySize
      && (0..<own.vocabularySize).allSatisfy { own.token(of: $0) == tokenizer.token(of: $0) }
  }

  /// A text of the attacked model in the prior's tokens.
  func tokens(of text: [Int]) -> [Int] {
    let tokens =
      sharesVocabulary ? text : own.encode(attacked.decode(text), addsSpecialTokens: false)
    return Array(tokens.prefix(weighted.model.configuration.positions))
  }
}

/// Scores texts by a prior, several at a time.
final class LanguagePriorScorer {
  /// LAMP's weight of the prior beside a loss of cosines (section 5.1).
  static let share = 0.2

  private static let rowCount = 16
  private let prior: LanguagePrior
  private let backend: any Backend
  private let parameters: ParameterBuffers
  private var compiled: Compiled?
  private var known: [[Int]: Double] = [:]

  /// A graph for texts up to a length.
  private struct Compiled {
    let length: Int
    let function: CompiledFunction
    let tokens: HostBuffer
    let mask: HostBuffer
    let labels: HostBuffer
    let output: HostBuffer
  }

  init(_ prior: LanguagePrior, backend: any Backend) {
    self.prior = prior
    self.backend = backend
    parameters = ParameterBuffers(prior.weighted, dtype: .f32)
  }

  /// For each text of the attacked model the mean of -log p over its tokens but the first, in nats; 0 for
  /// texts of fewer than two tokens.
  func scores(_ texts: [[Int]]) throws(AttackError) -> [Double] {
    let translated = texts.map(prior.tokens)
    let new = Array(Set(translated.filter { $0.count >= 2 && known[$0] == nil }))
      .sorted { $0.lexicographicallyPrecedes($1) }
    for start in stride(from: 0, to: new.count, by: LanguagePriorScorer.rowCount) {
      try score(Array(new[start..<min(start + LanguagePriorScorer.rowCount, new.count)]))
    }
    return translated.map { known[$0] ?? 0 }
  }

  private func score(_ texts: [[Int]]) throws(AttackError) {
    let longest = texts.map(\.count).max() ?? 2
    let graph = try compiled(longest)
    let padding = [[Int]](
      repeating: [0, 0], count: LanguagePriorScorer.rowCount - texts.count)
    let batch = TextBatch(tokens: texts + padding, labels: .nextTokens)
    graph.tokens.write(batch.paddedTokens(length: graph.length))
    graph.mask.write(batch.mask(length: graph.length, .f32))
    graph.labels.write(batch.labelTensor(length: graph.length, .f32))
    try AttackError.naming("the prior (\(prior.weighted.model.name))", "run") {
      () throws(GraphError) in try graph.function.run()
    }
    let sums = graph.output.read().doubles
    for (text, sum) in zip(texts, sums) { known[text] = sum / Double(text.count - 1) }
  }

  private func compiled(_ longest: Int) throws(AttackError) -> Compiled {
    if let compiled, compiled.length >= longest { return compiled }
    compiled = nil
    let model = prior.weighted.model
    let rows = LanguagePriorScorer.rowCount
    // Re-encoding changes lengths a little: not every one is worth a graph of its own.
    let length = min(longest + 4, max(model.configuration.positions, 2))
    let builder = GraphBuilder()
    let tokens = builder.input("tokens", [rows, length], .i32)
    let mask = builder.input("mask", [rows, length], .f32)
    let labels = builder.input("labels", [rows * (length - 1)], .i32)
    let context = ForwardContext(
      mode: .evaluation, builder: builder, dtype: .f32, values: nil, role: .fixed)
    let pass = TextForwardPass(model.configuration, ForwardScope(context: context, path: ""))
    let logits = model.labelledLogits(pass.forward(tokens: tokens, mask: mask).logits)
    let chosen = labels.oneHot(classCount: logits.shape[1], .f32)
    let sums = -(chosen * logits.logSoftmax(axis: 1)).sum(axes: [1])
      .reshape(to: [rows, length - 1]).sum(axes: [1])
    do {
      let function = try CompiledFunction(builder.function(computing: [sums]), on: backend)
      parameters.bind(context, in: function)
      let made = Compiled(
        length: length, function: function, tokens: function.input(tokens.handle),
        mask: function.input(mask.handle), labels: function.input(labels.handle),
        output: function.output(sums.handle))
      compiled = made
      return made
    } catch {
      throw AttackError(
        "the prior (\(model.name)) cannot be run: \(error.message)", .backendFailed)
    }
  }
}
