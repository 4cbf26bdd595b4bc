import Clients
import Federation
import Foundation
import Solvers
import TensorGraph

/// A federation from its server's side: lets workers in, trains, measures accuracy, and keeps what was tapped.
package final class FederationStudy {
  /// All that the parties have agreed upon.
  package let plan: FederationPlan
  /// The plan's model and data.
  package let scene: any FederationScene
  private let roster: Roster
  private let evaluator: any ModelEvaluator
  /// What became of it, so far.
  package private(set) var record: FederationRecord
  /// Seconds of each round, the evaluation not among them.
  package private(set) var seconds: [Double] = []
  /// What was seen of the rounds that the settings tap.
  package private(set) var taps: [RoundTap] = []
  private let server: any RoundServer

  /// - Parameters:
  ///   - connections: that workers come over.
  ///   - token: which they must know.
  ///   - adversary: what the server does in tapped rounds.
  ///   - backend: measures accuracy.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  package init(
    _ plan: FederationPlan, _ scene: any FederationScene, _ connections: Connections,
    token: String, adversary: Adversary = .none, backend: any Backend
  ) throws {
    (self.plan, self.scene) = (plan, scene)
    let settings = plan.settings
    roster = Roster(connections, token: token, settings: settings, context: try plan.text)
    guard plan.data.kind == .pictures || !adversary.plants else {
      throw FederationError("bins and traps are planted for pictures; give pictures", .badInput)
    }
    let planted = PlantedScene(adversary, plan, scene, backend: backend)
    // What does not go with the model is told before any worker starts.
    _ = try planted?.plant(scene.weights)
    evaluator = try scene.evaluator(backend: backend)
    server =
      settings.topology == .ring
      ? RingCoordinator(settings, scene.vector, weights: scene.weights, roster)
      : try ParameterServer(
        settings, scene.vector, weights: scene.weights, roster,
        adversary: adversary, deadWeights: scene.deadWeights,
        plant: planted?.plant)
    record = FederationRecord(
      plan: plan, adversary: adversary, model: scene.modelName,
      parameterCount: scene.vector.count,
      heldOutCount: evaluator.count, rightBefore: try evaluator.rightCount(scene.weights))
  }

  /// The weights as the latest round left them.
  package var weights: [Tensor] { server.weights }

  /// Waits for the workers.
  ///
  /// - Parameters:
  ///   - seconds: that they have.
  ///   - observe: told how many are there; may ask to stop.
  /// - Throws: ``FederationError`` of kind `tooFew` when too few came, `stopped` when asked to.
  package func gather(
    seconds: Double, observe: (Int) -> SolverDecision
  ) throws(FederationError) {
    let deadline = Date(timeIntervalSinceNow: seconds)
    let all = Array(0..<plan.settings.workers)
    var missing = all
    while !missing.isEmpty, Date() < deadline {
      if case .stop = observe(all.count - missing.count) {
        throw FederationError("stopped before the training began", .stopped)
      }
      missing = roster.wait(for: all, before: min(deadline, Date(timeIntervalSinceNow: 0.1)))
    }
    let needed = max(plan.settings.fewest, plan.settings.topology == .ring ? 2 : 1)
    guard all.count - missing.count >= needed else {
      throw FederationError(
        "\(all.count - missing.count) of \(all.count) workers came within \(Int(seconds)) seconds, and \(needed) are "
          + "needed; see what they say", .tooFew)
    }
    for worker in missing { roster.note(worker, "did not come") }
  }

  /// Trains to the end, or to the round that cannot be ended.
  ///
  /// - Parameter observe: told of each round; may ask to stop.
  /// - Throws: ``AttackError`` when the backend fails.
  package func train(observe: (FederationRecord) -> SolverDecision) throws {
    defer { record.notes = roster.notes }
    for number in 0..<plan.settings.rounds {
      let start = Date()
      let outcome: RoundOutcome
      do throws(FederationError) {
        outcome = try server.round(number)
      } catch {
        record.failure = error.message
        break
      }
      seconds.append(Date().timeIntervalSince(start))
      if let tap = outcome.tap { taps.append(tap) }
      record.rounds.append(
        FederationRecord.Round(
          number: number + 1, members: outcome.members.map { $0 + 1 },
          missing: outcome.missing.map { $0 + 1 }, attempts: outcome.attempts,
          loss: JSONNumber(outcome.loss), right: try evaluator.rightCount(server.weights),
          received: outcome.traffic.received, sent: outcome.traffic.sent,
          weights: Fingerprint.of(Array(zip(scene.vector.types.map(\.name), server.weights)))))
      if case .stop = observe(record) {
        record.failure = "stopped after round \(number + 1)"
        break
      }
    }
    roster.dismiss()
  }

  /// Enters what was seen.
  package func enter(_ observations: [FederationRecord.Seen]) { record.observations = observations }
}
