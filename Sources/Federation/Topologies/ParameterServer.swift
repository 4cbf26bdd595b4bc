import Foundation
import TensorGraph

/// A server that sends weights out and takes the mean of what comes back (McMahan et al. 2017, algorithm 1).
package final class ParameterServer {
  private let settings: FederationSettings
  private let roster: Roster
  private let vector: ParameterVector
  private let exchange: any UpdateExchange
  private let adversary: Adversary
  /// The model that gives no gradients; nil where there is none.
  private let deadWeights: [Tensor]?
  private let plant: Planting?
  /// As the latest round left them. Where shares are encrypted they are the study's knowledge, told by a worker: the
  /// server itself knows those that training begins with, and none after.
  package private(set) var weights: [Tensor]

  /// Makes of the weights what a server sends that plants its own.
  package typealias Planting = ([Tensor]) throws(FederationError) -> [Tensor]

  /// - Parameters:
  ///   - weights: one f32 tensor for each parameter.
  ///   - roster: of workers that are connected, or come.
  ///   - adversary: what the server does in tapped rounds.
  ///   - deadWeights: see `Model.deadWeights()`; for an adversary that sends inconsistent models.
  ///   - plant: for an adversary that plants weights.
  package init(
    _ settings: FederationSettings, _ vector: ParameterVector, weights: [Tensor], _ roster: Roster,
    adversary: Adversary = .none, deadWeights: [Tensor]? = nil, plant: Planting? = nil
  ) throws(FederationError) {
    try adversary.check(settings)
    guard !adversary.plants || plant != nil else {
      throw FederationError("the server has no weights to plant", .badInput)
    }
    guard adversary != .inconsistentModels || deadWeights != nil else {
      throw FederationError(
        "the model does not end in a fully connected layer, which a model without gradients needs",
        .badInput)
    }
    self.adversary = adversary
    self.deadWeights = deadWeights
    self.plant = plant
    self.settings = settings
    self.roster = roster
    self.vector = vector
    self.weights = weights
    exchange =
      switch settings.protection {
      case .none: PlainExchange(roster, vector, settings)
      case .secureAggregation: try MaskedExchange(roster, vector, settings)
      case .paillier, .ckks: try EncryptedExchange(roster, vector, settings, initial: weights)
      }
  }

  /// One round: at its end ``weights`` are the next ones.
  ///
  /// - Parameter number: of the round, from 0.
  /// - Returns: what became of it; with ``RoundOutcome/failure`` the weights are as they were, and another round may do.
  /// - Throws: ``FederationError`` of kind `tooFew` when too few workers are left for any.
  package func round(_ number: Int) throws(FederationError) -> RoundOutcome {
    roster.round = number
    roster.traffic = (0, 0)
    let plan = RoundPlan(settings, round: number)
    var outcome = RoundOutcome()
    let isTapped = settings.tapped.contains(number)
    let isPlanted = isTapped && adversary.plants
    let sent =
      isPlanted
      ? try plant.map { plant throws(FederationError) in try plant(weights) } ?? weights : weights
    if isTapped { outcome.tap = RoundTap(round: number, before: sent) }
    let present = roster.present
    // Keys are made once, and take longer than a round where they are Paillier's.
    let members = try exchange.prepare(
      present, before: Date(timeIntervalSinceNow: max(settings.timeout, 120)))
    // One with a worker's key has nothing to send but what belongs to the round.
    let victim =
      exchange.knowsWeights ? adversary.victim(of: number, settings, members: members) : nil
    outcome.tap?.victim = victim
    try run(members, sent, &outcome, victim)
    if outcome.failure == nil, outcome.members.count < settings.fewest {
      outcome.failure =
        "only \(outcome.members.count) of \(present.count) workers ended round \(number + 1), and "
        + "\(settings.fewest) are needed"
    }
    if outcome.failure != nil {
      outcome.members = []
      outcome.tap = nil
    }
    outcome.missing = present.filter { !outcome.members.contains($0) }
    outcome.traffic = roster.traffic
    // Who dropped out by the plan comes back.
    let expected = outcome.missing.filter { plan.dropsOut($0) }
    _ = roster.wait(for: expected, before: Date(timeIntervalSinceNow: min(settings.timeout, 10)))
    if let failure = outcome.failure {
      guard roster.present.count >= max(settings.fewest, exchange.fewest) else {
        throw FederationError("\(failure); see who left in the notes", .tooFew)
      }
      roster.note(nil, "the weights stay as they were: \(failure)")
      return outcome
    }
    outcome.tap?.mean = outcome.mean
    // The weights of such a round would be worth nothing.
    if isPlanted { return outcome }
    if let victim {
      if adversary == .differencing, members.count > 1 {
        try runWithout(victim, members, &outcome)
      }
      return outcome
    }
    guard exchange.knowsWeights else {
      if outcome.after.isEmpty {
        roster.note(nil, "no worker told the study the weights, which it keeps as they were")
      } else {
        weights = outcome.after
        outcome.tap?.after = weights
      }
      return outcome
    }
    weights = vector.next(weights, mean: outcome.mean, settings)
    outcome.tap?.after = weights
    return outcome
  }

  /// Sends the weights out and collects what comes back.
  private func run(
    _ members: [Int], _ weights: [Tensor], _ outcome: inout RoundOutcome, _ victim: Int?
  ) throws(FederationError) {
    let (number, attempt) = (roster.round, outcome.attempts - 1)
    let body = exchange.knowsWeights ? try TensorBody(vector.named(weights)).bytes : []
    let deadBody =
      try adversary == .inconsistentModels && victim != nil
      ? deadWeights.map { dead throws(FederationError) in try TensorBody(vector.named(dead)).bytes }
      : nil
    for worker in members {
      roster.send(
        Frame(
          .round, round: number, attempt: attempt, body: worker == victim ? body : deadBody ?? body),
        to: worker)
    }
    do throws(FederationError) {
      try exchange.collect(
        members, &outcome, before: Date(timeIntervalSinceNow: settings.timeout))
    } catch {
      guard error.kind == .tooFew else { throw error }
      outcome.failure = error.message
    }
  }

  /// The same round again without one worker.
  private func runWithout(
    _ victim: Int, _ members: [Int], _ outcome: inout RoundOutcome
  ) throws(FederationError) {
    var second = RoundOutcome()
    second.attempts = outcome.attempts + 1
    second.tap = outcome.tap
    try run(members.filter { $0 != victim }, weights, &second, victim)
    outcome.attempts = second.attempts
    guard second.failure == nil, second.members == outcome.members.filter({ $0 != victim }) else {
      roster.note(nil, "the second cohort was not the first one without worker \(victim + 1)")
      outcome.tap?.victim = nil
      return
    }
    outcome.tap?.meanWithout = second.mean
  }
}
