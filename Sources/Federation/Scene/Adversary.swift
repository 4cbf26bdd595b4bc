import Clients
import Solvers
import TensorGraph

/// What a server does beyond looking on, in the rounds that are tapped; none of them are known to the workers.
package enum Adversary: String, Codable, Sendable, CaseIterable {
  /// Keeps to the protocol.
  case none = "honest"
  /// Sends one worker the model and all others one whose gradients are zero, so that the sum of all is that one's
  /// (Pasquini, Francati and Ateniese, "Eluding Secure Aggregation in Federated Learning via Model Inconsistency", CCS 2022).
  case inconsistentModels = "inconsistent-models"
  /// Lets a round run twice on the same weights, the second time without one worker, and subtracts.
  case differencing
  /// Has all workers but one tell it what they shared; where shares are encrypted, has one worker give it the key, which
  /// is enough.
  case colluders
  /// Sends everybody the same model with bins planted in a block in front of it, which keep the pictures of all apart in the
  /// sum (Fowl et al., "Robbing the Fed", ICLR 2022).
  case robbingTheFed = "robbing-the-fed"
  /// Sends everybody the same weights, whose first layer's units fire for one picture alone (Boenisch et al., "When the
  /// Curious Abandon Honesty", EuroS&P 2023).
  case trapWeights = "trap-weights"

  /// Whether it sends all workers the same weights of its own making, and looks at all of them at once.
  package var plants: Bool { self == .robbingTheFed || self == .trapWeights }

  /// Whether it needs workers that share gradients.
  var needsGradients: Bool { self == .inconsistentModels || plants }
}

extension Adversary {
  /// The worker that is looked at in a tapped round: one after the other; nil for a server that looks at all.
  ///
  /// - Parameters:
  ///   - round: one of the settings' tapped rounds.
  ///   - members: of the round, ascending and not empty.
  package func victim(
    of round: Int, _ settings: FederationSettings, members: [Int]
  ) -> Int? {
    guard self != .none, !plants, let place = settings.tapped.firstIndex(of: round),
      !members.isEmpty
    else {
      return nil
    }
    return members[place % members.count]
  }

  /// - Throws: ``FederationError`` of kind `badInput` where it does not go with the settings.
  package func check(_ settings: FederationSettings) throws(FederationError) {
    guard self != .none else { return }
    guard settings.topology == .parameterServer, settings.workers >= 2 else {
      throw FederationError(
        "a server that is \(rawValue) needs a parameter server and 2 workers or more", .badInput)
    }
    guard !needsGradients || !settings.sharesWeights else {
      throw FederationError(
        advising:
          "\(plants ? "planted weights" : "inconsistent models") are read off a sum of gradients; leave \(.epochs) out",
        .badInput)
    }
    guard self == .colluders || settings.protection.scheme == nil else {
      throw FederationError(
        "a server that sees ciphertexts alone has no sum to read unless one worker gives it the key; let it be "
          + "\(Adversary.colluders.rawValue), or take another protection", .badInput)
    }
  }
}

extension Model {
  /// Weights under which every parameter's gradient but that of the last layer's bias is zero, whatever the batch: the
  /// last layer's weights are 0, so that nothing comes back from it, and the biases of all layers before are so low that
  /// ReLU, its smooth relatives and the sigmoid give 0 to it.
  ///
  /// - Returns: one f32 tensor for each parameter; nil where the model ends in no fully connected layer.
  package func deadWeights() -> [Tensor]? {
    guard let classifier else { return nil }
    return parameters.enumerated().map { index, parameter in
      let isHiddenBias =
        parameter.shape.rank == 1 && index != classifier.bias
        && parameter.name.hasSuffix("bias")
      return Tensor(parameter.shape, .f32, repeating: isHiddenBias ? -1000 : 0)
    }
  }
}
