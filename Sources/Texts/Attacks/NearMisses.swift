import Clients
import TensorGraph

extension TextInversion {
  /// Near misses that are tried at most, where rounding is granted, and else.
  private static let nearMissLimits = (rounded: 16, exact: 4)
  /// Squared distances that are rounding of f32 whatever the texts are.
  private static let roundingFloor = 1e-13

  /// What of the distance between an update and the shared one the rounding of weights does not explain,
  /// relative to the squared norm of what was shared; nil where nothing was rounded.
  ///
  /// - Parameter found: gives the tensor of a parameter by its place among the model's.
  func unexplained(_ found: (Int) -> Tensor) -> Double? {
    guard let rounding = update.rounding, update.adapters == nil else { return nil }
    var sum = 0.0
    for (index, spec) in model.parameters.enumerated() {
      guard let shared = update.gradients[spec.name] else { continue }
      sum += rounding.unexplainedSquaredDistance(
        found(index), shared, weights: weights.tensor(spec.name))
    }
    return sum / max(norm, .leastNormalMagnitude)
  }

  /// Whether a text that differs little from those of `batch` is explained nearly as well, so that the update does
  /// not tell them apart: two neighbouring tokens exchanged, or one replaced by that of the nearest
  /// embedding (of the bag of words, where that is known).
  func hasExplainedNearMiss(
    _ batch: TextBatch, _ own: UpdateDeviation, _ bag: BagOfWords?,
    _ session: TextAttackSession
  ) throws(AttackError) -> Bool {
    var misses: [TextBatch] = []
    for (index, text) in batch.tokens.enumerated() {
      let inner =
        configuration.beginning
        .count..<max(
          text.count - configuration.ending.count, configuration.beginning.count)
      // What nothing attends to has no part in the update, whatever stands there.
      let isAttended = batch.layouts[index].isAttended
      for position in inner where isAttended?[position] ?? true {
        if position + 1 < inner.upperBound, text[position] != text[position + 1] {
          var changed = text
          changed.swapAt(position, position + 1)
          misses.append(batch.replacing(index, by: changed))
        }
        guard let other = nearestToken(to: text[position], bag) else { continue }
        var changed = text
        changed[position] = other
        misses.append(batch.replacing(index, by: changed))
      }
    }
    let isExact = own.relative <= TextAttackResult.certainDistance
    let limits = TextInversion.nearMissLimits
    let count = min(misses.count, isExact ? limits.exact : limits.rounded)
    for choice in 0..<count where !session.isStopped {
      // Spread evenly.
      let miss = misses[choice * misses.count / count]
      let other = try session.deviation(of: miss, self)
      let limit = 100 * max(own.relative, TextInversion.roundingFloor)
      if isExact ? other.relative < limit : other.isExplained { return true }
    }
    return session.isStopped && !isExact
  }

  private func nearestToken(to token: Int, _ bag: BagOfWords?) -> Int? {
    let table = weights.tensor(model.names.tokenEmbedding)
    let own = table.row(token)
    var best: (token: Int?, distance: Double) = (nil, .infinity)
    for other in bag?.tokens ?? Array(0..<model.configuration.vocabularySize) where other != token {
      let row = table.row(other)
      var distance = 0.0
      for index in own.indices {
        distance += (own[index] - row[index]) * (own[index] - row[index])
      }
      if distance < best.distance { best = (other, distance) }
    }
    return best.token
  }
}

extension TextBatch {
  /// The same with another text at a place, with the label of the one that stood there.
  fileprivate func replacing(_ index: Int, by text: [Int]) -> TextBatch {
    var texts = tokens
    texts[index] = text
    return TextBatch(tokens: texts, labels: labels, layouts: layouts)
  }
}
