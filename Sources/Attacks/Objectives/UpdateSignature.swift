import Clients
import Defences

/// What the graphs of a client's update depend on besides the numbers: the model, and how the update comes
/// about.
package struct UpdateSignature: Sendable {
  package let model: Model
  package let batchSize: Int
  package let loss: ClientLoss
  /// Indices of the parameters whose gradients are shared, ascending.
  package let sharedParameters: [Int]
  /// The client's local steps; nil for one gradient.
  package let training: LocalTraining?
  package let mode: ForwardMode
  /// How the gradient is seen when it is matched.
  package let view: MatchingView

  /// - Parameter sharedParameters: nil for all parameters.
  package init(
    _ model: Model, batchSize: Int, loss: ClientLoss = .meanCrossEntropy,
    sharedParameters: [Int]? = nil,
    training: LocalTraining? = nil, mode: ForwardMode = .evaluation, view: MatchingView = .plain
  ) {
    self.model = model
    self.batchSize = batchSize
    self.loss = loss
    self.sharedParameters = sharedParameters ?? Array(model.parameters.indices)
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
      sharedParameters: update.sharedParameters, training: update.training, mode: mode,
      view: counter.view)
  }
}
