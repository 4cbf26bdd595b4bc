import Foundation
import TensorGraph

/// A server that sends weights out and takes the mean of what comes back (McMahan et al. 2017, algorithm 1).
package final class ParameterServer {
  private let settings: FederationSettings
  private let roster: Roster
  private let vector: ParameterVector
  private let exchange: any UpdateExchange
  /// As the latest round left them.
  package private(set) var weights: [Tensor]

  /// - Parameters:
  ///   - weights: one f32 tensor for each parameter.
  ///   - roster: of workers that are connected, or come.
  package init(
    _ settings: FederationSettings, _ vector: ParameterVector, weights: [Tensor], _ roster: Roster
  ) throws(FederationError) {
    self.settings = settings
    self.roster = roster
    self.vector = vector
    self.weights = weights
    exchange =
      switch settings.protection {
      case .none: PlainExchange(roster, vector, settings)
      case .secureAggregation: try MaskedExchange(roster, vector, settings)
      case .paillier, .ckks: PlainExchange(roster, vector, settings)
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
    if settings.tapped.contains(number) {
      outcome.tap = RoundTap(round: number, before: weights)
    }
    let members = roster.present
    let body = try TensorBody(vector.named(weights)).bytes
    for worker in members { roster.send(Frame(.round, round: number, body: body), to: worker) }
    do throws(FederationError) {
      try exchange.collect(
        members, &outcome, before: Date(timeIntervalSinceNow: settings.timeout))
    } catch {
      guard error.kind == .tooFew else { throw error }
      outcome.failure = error.message
    }
    if outcome.failure == nil, outcome.members.count < settings.fewest {
      outcome.failure =
        "only \(outcome.members.count) of \(members.count) workers ended round \(number + 1), and "
        + "\(settings.fewest) are needed"
    }
    if outcome.failure != nil {
      outcome.members = []
      outcome.tap = nil
    }
    outcome.missing = members.filter { !outcome.members.contains($0) }
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
    weights = vector.next(weights, mean: outcome.mean, settings)
    outcome.tap?.after = weights
    return outcome
  }
}
