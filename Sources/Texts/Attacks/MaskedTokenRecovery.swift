import Clients
import TensorGraph

extension TextLabelRecovery {
  /// For each text the tokens that a masked language model's loss asks for, nil where it asks for none.
  ///
  /// BERT's training asks for 15 % of the tokens: of these 80 % are masked in the text, 10 % are replaced
  /// by random ones, and 10 % stand there as they are (Devlin et al. 2019, arXiv 1810.04805, section
  /// 3.1). So any position may have a label. It has one where the last layer's gradient has a part along
  /// what the layer read there.
  ///
  /// - Parameter mask: the token that stands for masked ones. Where there are more positions than
  ///   features to tell them apart, labels are sought at masks alone.
  /// - Returns: nil when the gradient does not tell.
  func maskedTokens(of texts: [[Int]], mask: Int?) throws(AttackError) -> [[Int?]]? {
    guard let gradient = update.gradients[model.names.output] else { return nil }
    let features = try features(of: texts)
    let places = texts.indices.flatMap { text in
      texts[text].indices.map { (text: text, position: $0) }
    }
    for places in [places, places.filter { texts[$0.text][$0.position] == mask }] {
      let rows = places.map { features[$0.text][$0.position] }
      guard rows.count <= model.configuration.width,
        let solve = SpanCoefficients(rows, algebra: backend.linearAlgebra)
      else { continue }
      var factors = LabelFactors(
        tokens: places.map { texts[$0.text][$0.position] }, texts: texts, mask: mask,
        embeddingsAreTied: model.configuration.tiesEmbeddings,
        bias: model.names.tokenBias.flatMap { update.gradients[$0]?.doubles })
      for token in 0..<gradient.shape[0] { factors.add(solve(gradient.row(token)), of: token) }
      guard let found = factors.labels else { continue }
      var labels = texts.map { [Int?](repeating: nil, count: $0.count) }
      for (place, label) in zip(places, found) { labels[place.text][place.position] = label }
      return labels
    }
    return nil
  }
}

/// The factors (pᵢᵥ - yᵢᵥ) / N of the last layer's gradient at positions i, token v after token.
private struct LabelFactors {
  /// What stands at each position.
  private let tokens: [Int]
  private let mask: Int?
  /// Tokens whose row of the gradient holds the texts' own embedding gradient too, as where that is
  /// tied to the last layer: their factors tell nothing.
  private let mixedTokens: Set<Int>
  /// The gradient of the last layer's bias: negative for labels alone.
  private let bias: [Double]?
  private var energies: [Double]
  private var positiveSums: [Double]
  private var lowest: [(token: Int, factor: Double)?]
  private var lowestMixed: [(token: Int, factor: Double)?]

  init(
    tokens: [Int], texts: [[Int]], mask: Int?, embeddingsAreTied: Bool, bias: [Double]?
  ) {
    self.tokens = tokens
    self.mask = mask
    mixedTokens = embeddingsAreTied ? Set(texts.joined()) : []
    self.bias = bias
    energies = [Double](repeating: 0, count: tokens.count)
    positiveSums = energies
    lowest = Array(repeating: nil, count: tokens.count)
    lowestMixed = lowest
  }

  private func mayBeLabel(_ token: Int) -> Bool { bias.map { $0[token] < 0 } ?? true }

  mutating func add(_ factors: [Double], of token: Int) {
    let isMixed = mixedTokens.contains(token)
    for (row, factor) in factors.enumerated() {
      if isMixed {
        if mayBeLabel(token), factor < lowestMixed[row]?.factor ?? .infinity {
          lowestMixed[row] = (token, factor)
        }
        continue
      }
      energies[row] += factor * factor
      positiveSums[row] += max(factor, 0)
      if mayBeLabel(token), factor < lowest[row]?.factor ?? 0 { lowest[row] = (token, factor) }
    }
  }

  /// Of a labelled position's factors the sum of squares, relative to the largest of all positions: more
  /// than rounding leaves elsewhere, less than even a label leaves that is itself hidden among the
  /// mixed tokens (1 / V, of V equally likely tokens).
  private static let leastEnergy = 1e-6
  /// The same relative to the lower quartile, which where the update is noisy is noise.
  private static let leastEnergyAboveNoise = 100.0

  /// The label of each position, nil where there is none; nil when no position has one. Masks always
  /// have one.
  var labels: [Int?]? {
    let sorted = energies.sorted()
    guard let largest = sorted.last, largest > 0, largest.isFinite else { return nil }
    let threshold = max(
      Self.leastEnergy * largest, Self.leastEnergyAboveNoise * sorted[sorted.count / 4])
    let clearest = lowest.compactMap { $0.map { -$0.factor } }.max() ?? 0
    return tokens.indices.map { row in
      guard energies[row] > threshold || tokens[row] == mask else { return nil }
      // Factors of one position sum to 0: a label that is not mixed outweighs all others, and one that
      // is leaves no other that is clearly negative.
      if let lowest = lowest[row],
        -lowest.factor > min(0.5 * positiveSums[row], 0.25 * clearest)
      {
        return lowest.token
      }
      let own = tokens[row]
      if own != mask, mixedTokens.contains(own), mayBeLabel(own) { return own }
      return lowestMixed[row]?.token ?? lowest[row]?.token
    }
  }
}
