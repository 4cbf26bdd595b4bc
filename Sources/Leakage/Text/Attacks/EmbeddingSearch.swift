import TensorGraph

extension TextInversion {
  /// The lengths of the texts that a search looks for.
  var searchLengths: [Int]? {
    if let lengths = configuration.lengths { return lengths }
    guard update.batchSize == 1 else { return nil }
    return usedPositions(update, model: model).map { [$0] }
  }

  func search(
    _ kind: TextAttackKind, _ session: TextAttackSession, _ bag: BagOfWords?
  ) throws(AttackError) -> TextAttackResult {
    throw AttackError("not yet")
  }
}
