import Clients
import Defences

/// What the graphs of a client's update depend on besides the numbers: the model, and how the update comes
/// about.
public struct UpdateSignature: Sendable {
  public let model: Model
  public let batchSize: Int
  public let loss: ClientLoss
  /// Indices of the parameters whose gradients are shared, ascending.
  public let shared: [Int]
  /// The client's local steps; nil for one gradient.
  public let training: LocalTraining?
  public let mode: ForwardMode
  /// How the gradient is seen when it is matched.
  public let view: MatchingView

  /// - Parameter shared: nil for all parameters.
  public init(
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
