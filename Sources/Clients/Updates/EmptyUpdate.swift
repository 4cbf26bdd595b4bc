import ModelIO

/// Why an update may be exactly zero, which is no proof that nothing leaks: other batches may tell much.
package enum EmptyUpdate {
  /// What may be behind it, for a model under a loss, with the remedy.
  package static func causes(_ model: Model, _ loss: ClientLoss) -> Sentence {
    if loss.kind == .crossEntropy, model.classCount == 1 {
      return
        """
        The softmax of one logit is 1 whatever the input, so that cross entropy and its gradient are \
        0: train and audit such a model with \(.loss, "bce").
        """
    }
    return
      """
      Possible causes: the ReLUs of a layer are all 0, the loss is constant in the parameters, a \
      defence let nothing through, or the gradients were saved after zero_grad().
      """
  }
}
