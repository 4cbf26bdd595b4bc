import Clients
import TensorGraph

/// How the labels of a batch are read off its gradient.
public enum LabelStrategy: String, Codable, Sendable, CaseIterable {
  /// The signs of the last bias's gradient: classes below 0 are labels once each, and what is missing
  /// is filled up with the most negative again (Geiping et al. 2020, section 6, and others).
  case biasSign = "bias-sign"
  /// The classes whose rows of the last weight's gradient have the most negative minima, each once: no
  /// repeats (Yin et al. 2021, arXiv 2104.07586, section 3.2).
  case yin
  /// Sums of the rows, less an impact for each label found (Wainakh et al. 2021, arXiv 2105.09369,
  /// algorithm LLG*, with impact and offset from dummy images).
  case wainakh
  /// The same on the bias's gradient, with the impact from its own negative part: no dummy images, and
  /// no assumption on the features.
  case biasCorrected = "bias-corrected"
  /// The counts that follow from the mean probabilities of dummy images: nᵧ = N (pᵧ - ∂ℓ/∂bᵧ) (Geng et
  /// al. 2021, arXiv 2110.09074, in the form of Dimitrov et al. 2022, arXiv 2206.12395).
  case counts
  /// Examples are taken out one at a time, with the features that the gradient itself gives; see
  /// ``LabelRecovery/batchLabels(of:_:)``. The default.
  case features

  /// What it is and takes.
  public var descriptor: AttackDescriptor {
    switch self {
    case .biasSign:
      descriptor(
        "negative entries of the last bias's gradient",
        paper: "Geiping et al. 2020, arXiv 2003.14053, section 6")
    case .yin:
      descriptor(
        "most negative minima of the last weight's rows, no repeats",
        paper: "Yin et al. 2021, arXiv 2104.07586, section 3.2")
    case .wainakh:
      descriptor(
        "row sums, with impact and offset from dummy images",
        paper: "Wainakh et al. 2021, arXiv 2105.09369")
    case .biasCorrected:
      descriptor("bias gradient, an impact taken off for each label")
    case .counts:
      descriptor(
        "counts from the mean probabilities of dummy images",
        paper: "Geng et al. 2021, arXiv 2110.09074")
    case .features:
      descriptor("one example after another, with its own features")
    }
  }

  private func descriptor(_ summary: String, paper: String? = nil) -> AttackDescriptor {
    AttackDescriptor(
      name: AttackName(rawValue: rawValue), summary: summary, paper: paper,
      needs: AttackNeed.gradient, category: .eavesdropper, searches: false)
  }
}

extension LabelRecovery {
  /// The labels of a batch by a strategy, in ascending order, repeated ones as often as they are
  /// believed to occur.
  ///
  /// - Parameter seed: of dummy images, for the strategies that use them.
  /// - Throws: ``AttackError`` when the model does not end in a fully connected layer with bias.
  public static func labels(
    of update: SharedUpdate, _ weighted: WeightedModel, by strategy: LabelStrategy, seed: UInt64,
    backend: any Backend
  ) throws(AttackError) -> [Int] {
    try update.requireOneGradient("label recovery by \(strategy.rawValue)")
    guard let classifier = weighted.model.classifier, let bias = classifier.bias else {
      throw AttackError(
        "labels are read off a fully connected last layer with bias, which \(weighted.model.name) "
          + "lacks; use the attack dlg, which seeks them")
    }
    let last = LastLayerGradient(
      rows: update.gradients[classifier.weight].doubles, sums: update.gradients[bias].doubles,
      batchSize: update.batchSize)
    switch strategy {
    case .biasSign: return last.byBiasSign()
    case .yin: return last.byRowMinima()
    case .biasCorrected: return last.byCorrectedBias()
    case .wainakh:
      return last.byImpact(try DummyStatistics(weighted, seed: seed, backend: backend))
    case .counts:
      let statistics = try DummyStatistics(weighted, seed: seed, backend: backend)
      let counts = last.sums.indices.map {
        Double(update.batchSize) * (statistics.probabilities[$0] - last.sums[$0])
      }
      return labels(fromCounts: counts, total: update.batchSize)
    case .features:
      return batchLabels(of: update, weighted) ?? last.byCorrectedBias()
    }
  }

  /// Whole numbers nearest to expected counts that sum to the number of examples: the largest
  /// remainders are rounded up. As labels in ascending order.
  static func labels(fromCounts counts: [Double], total: Int) -> [Int] {
    let usable = counts.map { $0.isFinite ? max($0, 0) : 0 }
    let sum = usable.reduce(0, +)
    let scaled = sum > 0 ? usable.map { $0 * Double(total) / sum } : usable
    var whole = scaled.map { Int($0) }
    let order = scaled.indices.sorted {
      let (left, right) = (scaled[$0] - Double(whole[$0]), scaled[$1] - Double(whole[$1]))
      return left > right || left == right && $0 < $1
    }
    let missing = total - whole.reduce(0, +)
    for index in 0..<max(missing, 0) { whole[order[index % order.count]] += 1 }
    return whole.enumerated().flatMap { [Int](repeating: $0, count: $1) }
  }

  /// The share of a batch's labels that are right: the overlap of two multisets.
  public static func accuracy(_ found: [Int], _ truth: [Int]) -> Double {
    var left = Dictionary(grouping: truth) { $0 }.mapValues(\.count)
    var right = 0
    for label in found {
      guard let count = left[label], count > 0 else { continue }
      left[label] = count - 1
      right += 1
    }
    return truth.isEmpty ? 1 : Double(right) / Double(truth.count)
  }
}

/// The last layer's part of an update.
private struct LastLayerGradient {
  /// [K, F], row major.
  let rows: [Double]
  /// Of the bias, [K].
  let sums: [Double]
  let batchSize: Int

  private var classCount: Int { sums.count }

  func byBiasSign() -> [Int] {
    let order = sums.indices.sorted { sums[$0] < sums[$1] }
    let negative = order.filter { sums[$0] < 0 }
    let once = Array((negative.isEmpty ? order : negative).prefix(batchSize))
    return (0..<batchSize).map { once[$0 % once.count] }.sorted()
  }

  func byRowMinima() -> [Int] {
    let width = rows.count / classCount
    let minima = (0..<classCount).map { row in
      rows[row * width..<(row + 1) * width].min() ?? 0
    }
    let order = minima.indices.sorted { minima[$0] < minima[$1] }
    // A batch larger than the number of classes has repeats, which the rule cannot say.
    return (0..<batchSize).map { order[$0 % order.count] }.sorted()
  }

  func byCorrectedBias() -> [Int] {
    let negative = sums.filter { $0 < 0 }.reduce(0, +)
    return takingOff(impact: negative / Double(batchSize), from: sums)
  }

  func byImpact(_ statistics: DummyStatistics) -> [Int] {
    let width = rows.count / classCount
    let scores = (0..<classCount).map { row in
      rows[row * width..<(row + 1) * width].reduce(0, +) - statistics.offsets[row]
    }
    let impact = -statistics.featureSum / Double(batchSize)
    // Features that sum to less than 0 turn the signs around.
    return impact < 0
      ? takingOff(impact: impact, from: scores)
      : takingOff(impact: -impact, from: scores.map { -$0 })
  }

  /// First every class below 0 once, then always the most negative, each time less its impact.
  private func takingOff(impact: Double, from scores: [Double]) -> [Int] {
    var scores = scores
    var labels: [Int] = []
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    for index in order.prefix(batchSize) where scores[index] < 0 {
      labels.append(index)
      scores[index] -= impact
    }
    while labels.count < batchSize {
      guard let next = scores.indices.min(by: { scores[$0] < scores[$1] }) else { break }
      labels.append(next)
      scores[next] -= impact
    }
    return labels.sorted()
  }
}
