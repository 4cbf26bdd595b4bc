import TensorGraph

/// Reads labels off the last layer's gradient once the texts are known: a row v of it is
/// Σᵢ (pᵢᵥ - yᵢᵥ) hᵢ / N over the labelled rows i, with probabilities p, one-hot labels y, and features
/// h, which follow from the texts. Solved for the factors, the negative one tells the label.
struct TextLabelRecovery {
  let update: TextUpdate
  let weights: ParameterBuffers
  let backend: any Backend

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
    let lowest = -1.05 / Double(texts.reduce(0) { $0 + $1.count })
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
    let share = 1 / Double(texts.reduce(0) { $0 + $1.count })
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
    let batch = TextBatch(tokens: texts, labels: .nextTokens)
    let length = batch.length
    let builder = GraphBuilder()
    let tokens = builder.input("tokens", [texts.count, length], .i32)
    let mask = builder.input("mask", [texts.count, length], weights.dtype)
    let context = ForwardContext(
      mode: .evaluation, builder: builder, dtype: weights.dtype, values: nil, role: .fixed)
    let pass = TextForwardPass(model.configuration, ForwardScope(context: context, path: ""))
    let features = pass.forward(tokens: tokens, mask: mask).features
    let graph = builder.build(outputs: [features])
    let output = HostBuffer(features.type)
    do {
      let executable = try backend.compile(graph)
      executable.bind(input: 0, to: HostBuffer(batch.paddedTokens(length: length)))
      executable.bind(input: 1, to: HostBuffer(batch.mask(length: length, weights.dtype)))
      for (index, spec) in context.parameters.enumerated() {
        executable.bind(input: 2 + index, to: weights.buffer(spec.name))
      }
      executable.bind(output: 0, to: output)
      executable.run()
    } catch {
      throw AttackError("\(model.name) cannot be run: \(error.message)")
    }
    let width = model.configuration.width
    let rowsPerText = features.shape.rank == 2 ? 1 : length
    let table = output.read().reshaped(to: [texts.count * rowsPerText, width])
    return texts.indices.map { text in
      (0..<min(rowsPerText, texts[text].count)).map { table.row(text * rowsPerText + $0) }
    }
  }
}
