import Clients
import TensorGraph

/// What an attacker who knows the defence changes in gradient matching. A defence is to be judged by
/// the attack that knows it (Carlini et al. 2020, arXiv 2011.05315; Balunovic et al. 2022, arXiv
/// 2111.04706).
///
/// All of it follows from the defence's public form and the update that was sent; nothing comes from
/// the private data.
public struct CounterAttack: Sendable {
  /// For each parameter the weight of each of its elements in the matching loss: 0 for what was not
  /// sent, and less for tensors with larger errors, so that the weighted errors are alike. Nil when
  /// all weigh the same.
  public let weights: [Tensor]?
  /// For each parameter how far below and above what was sent each of its elements may be without any error; nil when
  /// each number says its own. None of elements whose weight is 0.
  public let slack: [(below: Tensor, above: Tensor)]?
  /// What the defence did to the update's size.
  public let scale: MatchingView.Scale
  /// Expected squared error of a weighted element of the matched update; 0 when it is exact and
  /// complete, and next to nothing when exact but incomplete.
  public let noiseVariance: Double
  /// Whether an image may have several labels, each for a share, so that no rule for labels holds.
  public let hasMixedLabels: Bool
  /// Whether the noise of a variational bottleneck is read off the update.
  public let readsNoise: Bool
  /// Number of elements that were sent.
  public let sentCount: Int

  /// Plain matching, for an update that nothing was done to, and for the naive attack.
  public static let none = CounterAttack(
    weights: nil, slack: nil, scale: .kept, noiseVariance: 0, hasMixedLabels: false,
    readsNoise: false, sentCount: 0)

  /// Changes nothing about matching.
  public var isNone: Bool {
    weights == nil && slack == nil && scale == .kept && noiseVariance == 0 && !hasMixedLabels
  }

  /// What the view takes of these parameters, or of all: weights, then for each what was sent and its slack.
  ///
  /// - Parameters:
  ///   - update: as it was shared.
  ///   - isWeighted: false for the numbers as they were shared.
  package func viewed(
    _ update: SharedUpdate, of parameters: [Int], isWeighted: Bool = true
  ) -> [Tensor] {
    let weights = isWeighted ? weights : nil
    var tensors = weights.map { weights in parameters.map { weights[$0] } } ?? []
    guard let slack else { return tensors }
    for index in parameters {
      let parts = [update.gradients[index], slack[index].below, slack[index].above]
      tensors += parts.map { part in
        weights.map { CounterAttack.weighted(part, $0[index]) } ?? part
      }
    }
    return tensors
  }

  /// 0 where the weight is, also of what is infinite.
  private static func weighted(_ tensor: Tensor, _ weight: Tensor) -> Tensor {
    Tensor(
      tensor.shape, .f64(zip(tensor.doubles, weight.doubles).map { $1 == 0 ? 0 : $0 * $1 }))
  }

  package var view: MatchingView {
    MatchingView(isWeighted: weights != nil, hasIntervals: slack != nil, scale: scale)
  }

  /// Numbers that say their own value, of these parameters.
  package func exactCount(of parameters: [Int], _ update: SharedUpdate) -> Int {
    parameters.reduce(0) { count, index in
      let elements = update.gradients[index].shape.elementCount
      guard let slack else { return count + elements }
      let (below, above) = (slack[index].below.doubles, slack[index].above.doubles)
      return count + zip(below, above).count { $0 == 0 && $1 == 0 }
    }
  }

  /// Errors of tensors differ by the square of this at most: a tensor without error must not swallow
  /// the others.
  private static let leastWeight = 1e-3

  /// Variance of imagined noise on exact but incomplete updates, relative to their mean square.
  private static let traceOfPrior = 1e-10

  private init(
    weights: [Tensor]?, slack: [(below: Tensor, above: Tensor)]?, scale: MatchingView.Scale,
    noiseVariance: Double, hasMixedLabels: Bool,
    readsNoise: Bool, sentCount: Int
  ) {
    self.hasMixedLabels = hasMixedLabels
    self.readsNoise = readsNoise
    self.weights = weights
    self.slack = slack
    self.scale = scale
    self.noiseVariance = noiseVariance
    self.sentCount = sentCount
  }

  /// For an update of which only some elements were seen.
  ///
  /// - Parameters:
  ///   - seen: for each parameter which of its elements were seen: other than 0.
  ///   - update: with zeros where nothing was seen.
  package init(seen: [Tensor], of update: SharedUpdate) {
    let weights = seen.map { $0.converted(to: .bool).converted(to: .f64) }
    let count = weights.reduce(0) { $0 + $1.doubles.count { $0 != 0 } }
    self.init(
      weights: weights, slack: nil, scale: .kept,
      noiseVariance: CounterAttack.traceOfPrior * update.squaredNorm / Double(max(count, 1)),
      hasMixedLabels: false, readsNoise: false, sentCount: count)
  }

  init(_ transit: UpdateInTransit, hasMixedLabels: Bool = false, readsNoise: Bool = false) {
    self.hasMixedLabels = hasMixedLabels
    self.readsNoise = readsNoise
    let parts = transit.parts
    sentCount = parts.reduce(0) { $0 + $1.sentCount }
    scale = transit.scale
    let largest = parts.reduce(0) { max($0, $1.noiseVariance) }
    // What is known of a tensor's size does not hold once that is lost.
    let slack = transit.scale == .kept ? parts.map(\.slackTensors) : []
    let hasSlack = slack.contains { $0 != nil }
    let isPartial = parts.contains { $0.sentCount < $0.type.shape.elementCount }
    // Without a common scale errors of different tensors cannot be compared.
    let isWhitened = scale == .kept && parts.contains { $0.noiseVariance != largest }
    var squaredError = 0.0
    var tensors: [Tensor] = []
    let least = parts.filter { $0.sentCount > 0 }.reduce(largest) { min($0, $1.noiseVariance) }
    let floor = max(least, CounterAttack.leastWeight * CounterAttack.leastWeight * largest)
    for part in parts {
      let weight = isWhitened ? (floor / max(part.noiseVariance, floor)).squareRoot() : 1
      squaredError += Double(part.sentCount) * weight * weight * part.noiseVariance
      var weighted = part
      weighted.values = [Double](repeating: weight, count: part.sentCount)
      tensors.append(weighted.tensor)
    }
    self.slack =
      hasSlack
      ? zip(parts, slack).map { part, own in
        let none = Tensor(part.type.shape, .f64, repeating: 0)
        return own ?? (none, none)
      } : nil
    weights = isPartial || isWhitened ? tensors : nil
    var variance = squaredError / Double(max(sentCount, 1))
    if scale == .lostTogether {
      // The matched update is the sent one divided by its norm.
      let norm = transit.norm
      variance = norm > 0 ? variance / (norm * norm) : 0
    }
    if scale == .lostPerTensor {
      // Signs of normal numbers have a correlation of √(2/π) with them (Bussgang 1952), so that each
      // tensor of length 1 is about this far away.
      variance = (2 - 2 * 0.798) * Double(parts.count) / Double(max(sentCount, 1))
    }
    if variance == 0, isPartial || hasSlack {
      // What was left out may leave pixels undetermined: a trace of the prior fills them in.
      let energy = parts.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1 * $1 } }
      let norm = scale == .lostTogether ? max(energy, .leastNormalMagnitude) : 1
      variance = CounterAttack.traceOfPrior * energy / norm / Double(max(sentCount, 1))
    }
    noiseVariance = variance
  }

  /// Expected matching loss of the true data: the errors' energy.
  package var noiseEnergy: Double { noiseVariance * Double(sentCount) }

  /// The update as the matching loss sees it: weighted, and without what the defence did to its size.
  package func matched(_ update: SharedUpdate) -> SharedUpdate {
    // Intervals leave what was sent as it is.
    guard weights != nil || scale != .kept else { return update }
    var tensors = update.gradients.map { $0.converted(to: .f64) }
    if let weights {
      tensors = zip(tensors, weights).map { CounterAttack.weighted($0, $1) }
    }
    func norm(_ tensors: [Tensor]) -> Double {
      tensors.reduce(0) { $0 + $1.doubles.reduce(0) { $0 + $1 * $1 } }.squareRoot()
    }
    func divided(_ tensor: Tensor, by norm: Double) -> Tensor {
      norm > 0 ? Tensor(tensor.shape, .f64(tensor.doubles.map { $0 / norm })) : tensor
    }
    switch scale {
    case .kept: break
    case .lostTogether:
      let whole = norm(tensors)
      tensors = tensors.map { divided($0, by: whole) }
    case .lostPerTensor:
      tensors = tensors.map { divided($0, by: norm([$0])) }
    }
    return SharedUpdate(
      gradients: tensors, batchSize: update.batchSize, loss: update.loss,
      training: update.training, sharedParameters: update.sharedParameters,
      relativeRounding: update.relativeRounding,
      roundingEnergies: scale == .kept ? update.roundingEnergies : nil, origin: update.origin)
  }
}
