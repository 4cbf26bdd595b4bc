import Attacks
import Clients
import Defences
import Foundation
import Solvers
import TensorGraph

/// What an audit asks of updates of rows besides the rows: who is in their batches, and whether these have a property;
/// without a defence, and behind those that the audit's findings name.
package struct RowInference {
  /// Known non-members of each update at most, and others.
  private static let candidateLimit = 100
  /// Rows that non-members are taken from at most.
  private static let poolLimit = 5000
  /// The adversary's own updates with a property, and as many without; and clients of each kind at most.
  private static let (auxiliaryCount, clientLimit) = (100, 50)

  private let runner: RowRunner
  private let experiments: [PreparedRows]
  private let rule: PropertyRule?

  /// - Parameters:
  ///   - experiments: those of the audit, without defences; at least one.
  ///   - rule: nil where no property is asked for.
  package init(_ runner: RowRunner, _ experiments: [PreparedRows], rule: PropertyRule?) {
    precondition(!experiments.isEmpty, "an audit of nothing")
    (self.runner, self.experiments, self.rule) = (runner, experiments, rule)
  }

  /// Asks, and adds what was learnt to an audit's result; what was not reached in time is among its remarks.
  ///
  /// - Parameters:
  ///   - end: when to stop.
  ///   - observe: told what is asked next.
  /// - Throws: what is wrong with the property, or ``AttackError`` when the backend fails.
  package func add(
    to result: inout LeakageAudit.Result, until end: ContinuousClock.Instant,
    observe: (String) -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws {
    let loss = try experiments[0].experiment.loss.clientLoss(of: runner.inputs.selected)
    let pool = try pool(loss)
    let property = try rule.map { try RowProperty($0, runner, loss) }
    func ask(
      _ what: String, _ chain: DefenceChain, _ body: () throws -> Bool
    ) throws {
      let name = what + (chain.isEmpty ? "" : " behind \(chain)")
      guard !result.wasInterrupted, !shouldStop() else { return result.wasInterrupted = true }
      var reason = "for want of time"
      if ContinuousClock.now < end {
        observe(name)
        do {
          if try body() { return }
        } catch let error as AttackError where error.kind != .backendFailed {
          reason = error.message
        }
      }
      result.remarks.append("\(name): \(reason).")
    }
    for chain in [.none] + result.findings.compactMap(\.strength) {
      var learnt: MembershipRecord?
      try ask("Members", chain) {
        learnt = try members(chain, pool)
        return true
      }
      if let learnt { result.memberships.append(learnt) }
      guard let property else { continue }
      var told: PropertyRecord?
      try ask("The property", chain) {
        told = try asked(property, chain) {
          ContinuousClock.now < end && !shouldStop() ? .proceed : .stop(.timeLimit)
        }
        return told != nil
      }
      if let told { result.properties.append(told) }
    }
  }

  /// Different rows that batches are told from.
  private func pool(_ loss: ClientLoss) throws -> [PrivateExample] {
    let rows = runner.table.labelledRows
    let order = RandomSource(seed: experiments[0].experiment.attack.seed).derive(label: "others")
      .permuted(rows.count)
    return try runner.examples(
      order.prefix(RowInference.poolLimit).map { String(rows[$0]) }, loss
    ).examples.distinct
  }

  private func members(
    _ chain: DefenceChain, _ pool: [PrivateExample]
  ) throws -> MembershipRecord {
    let defended = experiments.map { $0.varied { $0.defences = chain } }
    return try MembershipStudy(runner.inputs, defended[0].experiment, kind: .rows).judge(
      defended.map(\.inputs), besides: pool, limit: RowInference.candidateLimit)
  }

  /// Nil when there was no time.
  private func asked(
    _ property: RowProperty, _ chain: DefenceChain, observe: () -> SolverDecision
  ) throws -> PropertyRecord? {
    let experiment = experiments[0].varied { $0.defences = chain }.experiment
    return try PropertyStudy(runner.inputs, experiment, kind: .rows).run(
      property.pool,
      sizes: PropertyStudy.Sizes(
        batch: experiment.batchSize, having: experiment.batchSize,
        auxiliary: RowInference.auxiliaryCount, clients: RowInference.clientLimit, rounds: 1),
      loss: property.loss, observe: { _ in observe() }
    ).map(property.completing)
  }
}
