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
    /// Of how many clients the update is the mean, and how many examples each holds.
    case clients
    /// The order in which epochs after the first go through their mini-batches.
    case miniBatchOrder = "mini-batch order"
    /// The running means and variances of batch norm.
    case batchNormStatistics = "batch norm statistics"
    /// A picture that resembles the private one, to start from.
    case similarImage = "similar image"
    /// How texts become numbers.
    case tokenizer
    /// How many tokens each private text has.
    case textLengths = "text lengths"
    /// A language model, learnt from other texts, that tells likely texts from others.
    case languageModel = "language model"

    /// The name on the command line.
    public var name: String {
      String(rawValue.map { $0 == " " ? "-" : $0 })
    }
  }

  /// Who attacks.
  public var attacker: Attacker
  /// What is known, each fact once, in the order of `Fact/allCases`.
  public var known: [Fact]
  /// Whether the client computed its gradient in training or evaluation mode.
  public var clientMode: ForwardMode
  /// Steps of local training behind the update; 1 for a gradient.
  public var localSteps: Int
  /// Clients whose mean the update is; nil for one.
  public var clients: Int?
  /// What the attacker was expressly not granted; nil for nothing.
  public var withheld: [Fact]?
  /// Who could run the attack that gave the result: the least of the categories that suffices. Facts of
  /// ``known`` that the attack had no use for do not raise it. nil in records of older versions.
  public var category: Category?

  /// A server that knows what every client does, of one gradient, unless something else is said.
  public init(
    attacker: Attacker = .honestButCuriousServer,
    known: Set<Fact> = [.architecture, .weights, .lossFunction, .batchSize],
    clientMode: ForwardMode = .evaluation, localSteps: Int = 1, clients: Int? = nil,
    withheld: Set<Fact> = [], category: Category? = nil
  ) {
    self.attacker = attacker
    self.category = category
    self.known = Fact.allCases.filter { known.contains($0) && !withheld.contains($0) }
    self.withheld = withheld.isEmpty ? nil : Fact.allCases.filter(withheld.contains)
    self.clientMode = clientMode
    self.localSteps = localSteps
    self.clients = clients
  }
}

extension ThreatModel: CustomStringConvertible {
  /// One line for people.
  public var description: String {
    let facts = known.map(\.rawValue).joined(separator: ", ")
    let not =
      withheld.map { ", and not the \($0.map(\.rawValue).joined(separator: ", "))" } ?? ""
    let category = category.map { "; \($0.requirement)" } ?? ""
    return
      "\(attacker.rawValue); knows \(facts)\(not); \(updateDescription) in \(clientMode.rawValue) "
      + "mode\(category)"
  }

  /// The facts that are not known and that this update leaves something to know about.
  public var unknown: [Fact] {
    Fact.allCases.filter { fact in
      guard !known.contains(fact) else { return false }
      switch fact {
      case .architecture, .weights, .lossFunction, .batchSize, .labels: return true
      case .localTraining, .miniBatchOrder: return localSteps > 1
      case .clients: return clients != nil
      case .batchNormStatistics, .similarImage, .tokenizer, .textLengths, .languageModel:
        return withheld?.contains(fact) == true
      }
    }
  }

  /// Such as "one gradient", or "the mean of 2 clients, 4 local steps each".
  public var updateDescription: String {
    // Local training is a fact of one step that is more than a gradient.
    let one = known.contains(.localTraining) ? "one local step" : "one gradient"
    let steps = localSteps == 1 ? one : "\(localSteps) local steps"
    return clients.map { "the mean of \($0) clients, \(steps) each" } ?? steps
  }
}
