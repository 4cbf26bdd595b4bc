import Clients
import TensorGraph

extension LabelRecovery {
  /// The share of each class in a single image's mixed label, whatever it is: with both gradients of the
  /// last layer its input is known (Geiping et al. 2020, Proposition 3.1), thus the probabilities p, and
  /// the bias's gradient is p minus the shares. Nil where that layer does not tell, or the loss is not
  /// the plain mean cross entropy.
  package static func shares(of update: SharedUpdate, _ weighted: WeightedModel) -> [Double]? {
    guard update.batchSize == 1, update.training == nil, update.loss == .meanCrossEntropy,
      let gradient = ClassifierGradient(update, weighted.model), let sums = gradient.sums,
      let features = gradient.features, let logits = weighted.logits(of: features)
    else { return nil }
    return zip(softmax(logits), sums).map { $0 - $1 }
  }
}
