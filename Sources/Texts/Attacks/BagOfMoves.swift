import Attacks
import Clients

extension TextInversion {
  /// What is left where each number was divided by its own size: spans and quotients of gradients are lost, and which
  /// rows of the token embedding moved is not.
  func bagOfMoves(
    _ session: TextAttackSession, _ bag: BagOfWords?
  ) throws(AttackError) -> TextAttackResult {
    guard let bag, !bag.isTied, [.automatic, .bag].contains(configuration.attack),
      let training = update.training
    else {
      throw AttackError(
        "every number of this update was divided by its own size (\(update.training?.rule.optimizer ?? .plain)), which "
          + "leaves \(configuration.attack.rawValue) nothing to read; the attack bag reads which tokens there are, where "
          + "the token embedding is trained and is not the last layer too")
    }
    var result = session.result(texts: [], method: .bag, bag: bag)
    if configuration.attack != .bag {
      result.diagnosis = Diagnosis(
        .stuck,
        """
        Only signs are left of a gradient here (\(training)): which \(bag.tokens.count) tokens the batch holds is told \
        by the rows of the embedding that moved, their order and number is not. That is no proof of safety.
        """, relativeMatchingLoss: 1)
    }
    return result
  }
}
