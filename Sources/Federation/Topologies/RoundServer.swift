import TensorGraph

/// Whoever lets rounds begin: a parameter server, or the coordinator of a ring.
package protocol RoundServer {
  /// As the latest round left them, one f32 tensor for each parameter.
  var weights: [Tensor] { get }

  /// One round: at its end ``weights`` are the next ones.
  ///
  /// - Parameter number: of the round, from 0.
  /// - Throws: ``FederationError`` of kind `tooFew` when too few workers are left; the weights are as they were.
  func round(_ number: Int) throws(FederationError) -> RoundOutcome
}

extension ParameterServer: RoundServer {}
extension RingCoordinator: RoundServer {}
