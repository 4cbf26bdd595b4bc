/// Who attacks, and what they know: the assumptions under which a result holds.
public struct ThreatModel: Codable, Sendable, Equatable {
  /// Who sees the shared update.
  public enum Attacker: String, Codable, Sendable, CaseIterable {
    /// The parameter server: follows the protocol, and looks.
    case honestButCuriousServer = "honest-but-curious server"
    /// Another participant of an all-reduce.
    case neighbour = "neighbour in all-reduce"
    /// A server that also chooses the weights it sends.
    case maliciousServer = "malicious server"
  }

  /// Something the attacker knows besides the update.
  public enum Fact: String, Codable, Sendable, CaseIterable {
    case architecture
    case weights
    case lossFunction = "loss function"
    case batchSize = "batch size"
    case labels
    /// Learning rate, momentum, weight decay, epochs and mini-batches of several local steps.
    case localTraining = "local training"
  }

  public var attacker: Attacker
  /// What is known, each fact once, in the order of ``Fact/allCases``.
  public var known: [Fact]
  /// Whether the client computed its gradient in training or evaluation mode.
  public var clientMode: ForwardMode
  /// Steps of local training behind the update; 1 for a gradient.
  public var localSteps: Int

  public init(
    attacker: Attacker = .honestButCuriousServer,
    known: Set<Fact> = [.architecture, .weights, .lossFunction, .batchSize],
    clientMode: ForwardMode = .evaluation, localSteps: Int = 1
  ) {
    self.attacker = attacker
    self.known = Fact.allCases.filter(known.contains)
    self.clientMode = clientMode
    self.localSteps = localSteps
  }
}

extension ThreatModel: CustomStringConvertible {
  /// One line for people.
  public var description: String {
    let facts = known.map(\.rawValue).joined(separator: ", ")
    let steps = localSteps == 1 ? "one gradient" : "\(localSteps) local steps"
    return "\(attacker.rawValue); knows \(facts); \(steps) in \(clientMode.rawValue) mode"
  }
}
