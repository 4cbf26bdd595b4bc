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
  ) {
    self.settings = settings
    self.roster = roster
    self.vector = vector
    self.weights = weights
    exchange = PlainExchange(roster, vector, settings)
  }

  /// One round: at its end ``weights`` are the next ones.
  ///
  /// - Parameter number: of the round, from 0.
  /// - Throws: ``FederationError`` of kind `tooFew` when too few workers are left; the weights are as they were.
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
    try exchange.collect(
      members, &outcome, before: Date(timeIntervalSinceNow: settings.timeout))
    outcome.missing = members.filter { !outcome.members.contains($0) }
    outcome.traffic = roster.traffic
    guard outcome.members.count >= settings.fewest else {
      throw FederationError(
        "only \(outcome.members.count) of \(members.count) workers ended round \(number + 1), and "
          + "\(settings.fewest) are needed; see who left in the notes", .tooFew)
    }
    weights = vector.next(weights, mean: outcome.mean, settings)
    outcome.tap?.after = weights
    // Who dropped out by the plan comes back.
    let expected = outcome.missing.filter { plan.dropsOut($0) }
    _ = roster.wait(for: expected, before: Date(timeIntervalSinceNow: min(settings.timeout, 10)))
    return outcome
  }

}
