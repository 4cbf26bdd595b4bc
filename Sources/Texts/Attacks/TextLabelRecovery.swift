import Clients
import Foundation
import TensorGraph

/// Reads labels off the last layer's gradient once the texts are known: a row v of it is
/// Σᵢ (pᵢᵥ - yᵢᵥ) hᵢ / N over the labelled rows i, with probabilities p, one-hot labels y, and features
/// h, which follow from the texts. Solved for the factors, the negative one tells the label.
struct TextLabelRecovery {
  let update: TextUpdate
  let weights: ParameterBuffers
  let backend: any Backend
  let layouts: TextLayouts

  var model: TextModel { weights.model }

  /// A class for each text of a classifier; nil when the gradient is missing or does not tell the texts
  /// apart.
  func classes(of texts: [[Int]]) throws(AttackError) -> [Int]? {
    guard let gradient = update.gradients[model.names.output] else { return nil }
    // Equal texts have equal features; they are given one label.
    let distinct = Array(Set(texts)).sorted { $0.lexicographicallyPrecedes($1) }
    let features = try features(of: distinct).map { $0[0] }
    guard let solve = SpanCoefficients(features, algebra: backend.linearAlgebra) else { return nil }
    let found = likeliest(
      gradient, Array(0..<gradient.shape[0]), solve, rows: distinct.count, count: 1)
    return texts.map { text in distinct.firstIndex(of: text).map { found[$0][0] } ?? 0 }
  }

  /// What the loss compares each text's logits with, where it compares numbers; nil when the gradient is missing
  /// or does not tell the texts apart.
  ///
  /// The factors are 2 (z - y) / NK for squared errors, and (σ(z) - y) / NK for binary cross entropy.
  func targets(of texts: [[Int]]) throws(AttackError) -> [[Double]]? {
    guard let gradient = update.gradients[model.names.output] else { return nil }
    let distinct = Array(Set(texts)).sorted { $0.lexicographicallyPrecedes($1) }
    let features = try features(of: distinct).map { $0[0] }
    guard let solve = SpanCoefficients(features, algebra: backend.linearAlgebra) else { return nil }
    let classes = gradient.shape[0]
    let (weight, bias) = (
      weights.tensor(model.names.output),
      model.names.classifierBias.map { weights.tensor($0).doubles }
    )
    // Equal texts have equal features: what is solved for is the sum over them.
    let counts = distinct.map { text in texts.count { $0 == text } }
    let isExact = update.training == nil && update.noiseDeviations.isEmpty
    var found = [[Double]](repeating: [], count: distinct.count)
    for index in 0..<classes {
      for (row, factor) in solve(gradient.row(index)).enumerated() {
        let logit =
          SpanCoefficients.product(weight.row(index), features[row]) + (bias?[index] ?? 0)
        let share = factor * Double(update.batchSize * classes) / Double(counts[row])
        switch model.effectiveLoss {
        case .multiLabel:
          let target = 1 / (1 + exp(-logit)) - share
          let nearest = factor < 0 ? 1.0 : 0.0
          // Shares between 0 and 1 are labels too.
          found[row].append(isExact && abs(target - nearest) > 0.02 ? target : nearest)
        case .regression, .crossEntropy:
          found[row].append(logit - share / 2)
        }
      }
    }
    return texts.map { text in distinct.firstIndex(of: text).map { found[$0] } ?? [] }
  }

  /// For each text, which lacks its last token, whether the loss asks for each of its tokens, the last one too:
  /// where it does not, what the last layer read before has no part in that layer's gradient.
  func countedTokens(after texts: [[Int]]) throws(AttackError) -> [[Bool]]? {
    guard let gradient = update.gradients[model.names.output] else { return nil }
    let features = try features(of: texts)
    var distinct: [[Double]] = []
    var rowOfPrefix: [[Int]: Int] = [:]
    for (text, rows) in zip(texts, features) {
      for (position, row) in rows.enumerated() where rowOfPrefix[Array(text[...position])] == nil {
        rowOfPrefix[Array(text[...position])] = distinct.count
        distinct.append(row)
      }
    }
    guard let solve = SpanCoefficients(distinct, algebra: backend.linearAlgebra) else { return nil }
    // Rows of tokens that are inputs hold those inputs' gradients too where embeddings are tied.
    let mixed = model.configuration.tiesEmbeddings ? Set(texts.joined()) : []
    var energies = [Double](repeating: 0, count: distinct.count)
    for token in 0..<gradient.shape[0] where !mixed.contains(token) {
      for (row, factor) in solve(gradient.row(token)).enumerated() {
        energies[row] += factor * factor
      }
    }
    guard let largest = energies.max(), largest > 0 else { return nil }
    return texts.map { text in
      [false]
        + text.indices.map { position in
          rowOfPrefix[Array(text[...position])].map { energies[$0] > 1e-6 * largest } ?? true
        }
    }
  }

  /// For each text, which lacks its last token, the `count` likeliest last tokens: a next-token model's
  /// last token is a label only.
  func lastTokens(of texts: [[Int]], count: Int) throws(AttackError) -> [[Int]]? {
    guard let gradient = update.gradients[model.names.output] else { return nil }
    let features = try features(of: texts)
    // Equal beginnings have equal features: each is taken once.
    var distinct: [[Double]] = []
    var rowOfPrefix: [[Int]: Int] = [:]
    for (text, rows) in zip(texts, features) {
      for (position, row) in rows.enumerated() {
        let prefix = Array(text[...position])
        if rowOfPrefix[prefix] == nil {
          rowOfPrefix[prefix] = distinct.count
          distinct.append(row)
        }
      }
    }
    guard let solve = SpanCoefficients(distinct, algebra: backend.linearAlgebra) else { return nil }
    // A label's factor is not below -1/N, unless the token is an input as well and the embedding tied.
    let lowest = -1.05 / Double(layouts.countOfLabels(after: texts))
    let tokens = Array(0..<gradient.shape[0])
    let clean = likeliest(
      gradient, tokens, solve, rows: distinct.count, count: count, above: lowest)
    let any = likeliest(gradient, tokens, solve, rows: distinct.count, count: count)
    return texts.map { text in
      rowOfPrefix[text].map { row in clean[row] + any[row].filter { !clean[row].contains($0) } }
        ?? []
    }
  }

  /// For each text the last token that a guess's remaining gradient asks for: with a wrong one, the
  /// factor of the right token is -1/N, and the wrong one's is 1/N.
  func lastTokens(
    of texts: [[Int]], residual: Tensor, current: [[Int]]
  ) throws(AttackError) -> [Int]? {
    let features = try features(of: texts).compactMap(\.last)
    guard features.count == texts.count,
      let solve = SpanCoefficients(features, algebra: backend.linearAlgebra)
    else { return nil }
    let share = 1 / Double(layouts.countOfLabels(after: texts.map { Array($0.dropLast()) }))
    var best = [(token: Int, factor: Double)](repeating: (0, -0.5 * share), count: texts.count)
    var isFound = [Bool](repeating: false, count: texts.count)
    for token in 0..<residual.shape[0] {
      for (text, factor) in solve(residual.row(token)).enumerated()
      where factor < best[text].factor {
        best[text] = (token, factor)
        isFound[text] = true
      }
    }
    return texts.indices.map { isFound[$0] ? best[$0].token : current[$0].last ?? 0 }
  }

  /// For each row of features the labels with the lowest factors, lowest first.
  private func likeliest(
    _ gradient: Tensor, _ labels: [Int], _ solve: SpanCoefficients, rows: Int, count: Int,
    above lowest: Double = -.infinity
  ) -> [[Int]] {
    var best = [[(label: Int, factor: Double)]](repeating: [], count: rows)
    for label in labels {
      for (row, factor) in solve(gradient.row(label)).enumerated()
      where factor >= lowest && (best[row].count < count || factor < best[row][count - 1].factor) {
        let place = best[row].firstIndex { factor < $0.factor } ?? best[row].count
        best[row].insert((label, factor), at: place)
        if best[row].count > count { best[row].removeLast() }
      }
    }
    return best.map { $0.map(\.label) }
  }

  /// What the last layer reads, for each text: one vector for a classifier, else one for each token.
  func features(of texts: [[Int]]) throws(AttackError) -> [[[Double]]] {
    let batch = TextBatch(
      tokens: texts, labels: .nextTokens, layouts: texts.map { layouts[$0] })
    let length = batch.length
    let builder = GraphBuilder()
    let tokens = builder.input("tokens", [texts.count, length], .i32)
    let mask = builder.input("mask", [texts.count, length], weights.dtype)
    let segments =
      batch.hasSegments ? builder.input("segments", [texts.count, length], .i32) : nil
    let context = ForwardContext(
      mode: .evaluation, builder: builder, dtype: weights.dtype, values: nil, role: .fixed)
    let pass = TextForwardPass(model.configuration, ForwardScope(context: context, path: ""))
    let features = pass.forward(tokens: tokens, mask: mask, segments: segments).features
    let output: Tensor
    do {
      let function = try CompiledFunction(builder.function(computing: [features]), on: backend)
      function.bind(tokens.handle, to: batch.paddedTokens(length: length))
      function.bind(mask.handle, to: batch.mask(length: length, weights.dtype))
      if let segments { function.bind(segments.handle, to: batch.paddedSegments(length: length)) }
      weights.bind(context, in: function)
      try function.run()
      output = function.read(features.handle)
    } catch {
      throw AttackError("\(model.name) cannot be run: \(error.message)", .backendFailed)
    }
    let width = model.configuration.width
    let rowsPerText = features.shape.rank == 2 ? 1 : length
    let table = output.reshaped(to: [texts.count * rowsPerText, width])
    return texts.indices.map { text in
      (0..<min(rowsPerText, texts[text].count)).map { table.row(text * rowsPerText + $0) }
    }
  }
}
