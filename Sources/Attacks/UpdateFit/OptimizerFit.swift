import Clients
import ModelIO
import TensorGraph

extension UpdateFit {
  /// Numbers that are looked at, at most.
  private static let sampleCount = 100_000
  /// Share of an update's numbers of one size above which that is no chance, and what counts as one size.
  private static let (sameShare, sameSize) = (0.8, 0.05)

  /// Whether moves are all of one size, as those of Adam are, and the client is said to use SGD; or the other way
  /// round.
  static func optimizer(_ update: SharedUpdate) -> UpdateMisfit? {
    let sizes = moveSizes(update)
    guard sizes.count >= 64, let largest = sizes.last else { return nil }
    let median = sizes[sizes.count / 2]
    let same = sizes.count { abs($0 - median) <= sameSize * median }
    let share = Double(same) / Double(sizes.count)
    guard let training = update.training, training.rule.isAdaptive else {
      guard share >= sameShare, update.training?.rule.movesAlongGradients ?? true,
        update.training?.rule.clipValue == nil
      else { return nil }
      return looksAdaptive(update, median: median, share: share)
    }
    guard let bound = FirstStepInverse(training)?.largestMove else { return nil }
    // A mean of all kinds of sizes, or one above the bound, is of another rate or of several steps.
    guard largest > (1 + sameSize) * bound || share >= sameShare && median < (1 - sameSize) * bound
    else { return nil }
    let rate = (share >= sameShare ? median : largest) / bound * training.learningRate
    return UpdateMisfit(
      .optimizer,
      """
      The largest move is \(LossConsistency.rounded(largest)) learning rates, and that of one fresh step of \
      \(training.rule.optimizer) is \(LossConsistency.rounded(bound)): use \
      \(.learningRate, LossConsistency.rounded(rate)), say how many steps there were (\(.epochs)), or give \
      what the optimiser kept from earlier rounds.
      """, value: rate)
  }

  /// Absolute values of the update's numbers that are not 0, ascending; of many a sample.
  private static func moveSizes(_ update: SharedUpdate) -> [Double] {
    let count = update.sharedParameters.reduce(0) { $0 + update.gradients[$1].shape.elementCount }
    let stride = max(count / sampleCount, 1)
    var (sizes, place) = ([Double](), 0)
    for index in update.sharedParameters {
      for number in update.gradients[index].doubles {
        place += 1
        if place % stride == 0, number != 0 { sizes.append(abs(number)) }
      }
    }
    return sizes.sorted()
  }

  private static func looksAdaptive(
    _ update: SharedUpdate, median: Double, share: Double
  ) -> UpdateMisfit {
    var rate = median
    if case .difference(let stated) = update.origin { rate *= stated }
    return UpdateMisfit(
      .optimizer,
      """
      It looks like Adam's: \(Int((100 * share).rounded(.down))) % of the moves have the same size, \
      \(LossConsistency.rounded(rate)). If the client's optimiser was Adam, AdamW or RMSprop, say so with \
      \(.optimizer, "adam") \(.updateKind, "difference") \(.learningRate, LossConsistency.rounded(rate)); if it shared \
      signs alone, the sizes of its gradient are lost.
      """, value: rate)
  }
}
