import Clients
import Defences

/// What the graphs of a client's update depend on besides the numbers: the model, and how the update comes
/// about.
package struct UpdateSignature: Sendable {
  package let model: Model
  package let batchSize: Int
  package let loss: ClientLoss
  /// Indices of the parameters whose gradients are shared, ascending.
  package let shared: [Int]
  /// The client's local steps; nil for one gradient.
  package let training: LocalTraining?
  package let mode: ForwardMode
  /// How the gradient is seen when it is matched.
  package let view: MatchingView

  /// - Parameter shared: nil for all parameters.
  package init(
    _ model: Model, batchSize: Int, loss: ClientLoss = .meanCrossEntropy, shared: [Int]? = nil,
    training: LocalTraining? = nil, mode: ForwardMode = .evaluation, view: MatchingView = .plain
  ) {
    self.model = model
    self.batchSize = batchSize
    self.loss = loss
    self.shared = shared ?? Array(model.parameters.indices)
    self.training = training
    self.mode = mode
    self.view = view
  }
}

extension AttackProblem {
  /// Of the update that is attacked.
  var signature: UpdateSignature {
    UpdateSignature(
      weighted.model, batchSize: update.batchSize, loss: update.loss,
      shared: update.sharedParameters, training: update.training, mode: mode, view: counter.view)
  }
}
