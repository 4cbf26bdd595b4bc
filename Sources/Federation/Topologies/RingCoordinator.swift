import Foundation
import TensorGraph

/// Says which workers make a ring in each round, and begins a round anew without those that are gone. It adds nothing
/// and is sent no worker's share; for the study's accuracy the first member tells it the weights after each round.
package final class RingCoordinator {
  private let settings: FederationSettings
  private let roster: Roster
  private let vector: ParameterVector
  /// As the latest round left them.
  package private(set) var weights: [Tensor]
  /// Workers that have these weights, by the connections that told them: who comes in the place of one has none.
  private var upToDate: [Int: PeerID] = [:]

  /// - Parameter weights: that all workers begin with, one f32 tensor for each parameter.
  package init(
    _ settings: FederationSettings, _ vector: ParameterVector, weights: [Tensor], _ roster: Roster
  ) {
    self.settings = settings
    self.roster = roster
    self.vector = vector
    self.weights = weights
  }

  /// One round: at its end ``weights`` are the next ones.
  ///
  /// - Throws: ``FederationError`` of kind `tooFew` when fewer than two workers are left.
  package func round(_ number: Int) throws(FederationError) -> RoundOutcome {
    roster.round = number
    roster.traffic = (0, 0)
    let plan = RoundPlan(settings, round: number)
    let first = roster.present
    for attempt in 0...settings.workers {
      let invited = roster.present.filter { !plan.dropsOut($0) }
      guard invited.count >= max(2, settings.fewest) else {
        throw FederationError(
          "only \(invited.count) of \(first.count) workers are left for round \(number + 1), and a ring needs "
            + "\(max(2, settings.fewest)); see who left in the notes", .tooFew)
      }
      let examples = try prepare(invited, number, attempt)
      guard examples.count == invited.count else { continue }
      if var outcome = try run(invited, examples, number, attempt) {
        outcome.missing = first.filter { !outcome.members.contains($0) }
        outcome.attempts = attempt + 1
        upToDate = invited.reduce(into: [:]) { $0[$1] = roster.connection(of: $1) }
        return outcome
      }
      upToDate = [:]
    }
    throw FederationError(
      "round \(number + 1) was begun too often; see who left in the notes", .tooFew)
  }

  private func members(_ workers: [Int], examples: Int = 0) -> RingMessages.Members {
    RingMessages.Members(
      workers.compactMap { worker in roster.addresses[worker].map { (worker, $0) } },
      examples: examples)
  }

  /// Asks workers to be ready.
  ///
  /// - Returns: for each that is, how many examples it takes.
  private func prepare(
    _ workers: [Int], _ number: Int, _ attempt: Int
  ) throws(FederationError) -> [Int: Int] {
    let words = members(workers).words
    for worker in workers {
      let body = TensorBody(
        upToDate[worker] == roster.connection(of: worker) ? [:] : vector.named(weights),
        words: words)
      roster.send(
        Frame(
          .round, round: number, attempt: attempt, step: RingMessages.prepare, body: try body.bytes),
        to: worker)
    }
    var examples: [Int: Int] = [:]
    try collect(workers, number, attempt) { worker, frame throws(FederationError) in
      guard frame.kind == .round else { return false }
      examples[worker] = try TensorBody(frame.body).number("examples", in: 1...1_000_000)
      return true
    }
    return examples
  }

  /// Reads one message of each worker.
  ///
  /// - Returns: whether all of them answered.
  @discardableResult private func collect(
    _ workers: [Int], _ number: Int, _ attempt: Int,
    take: (Int, Frame) throws(FederationError) -> Bool
  ) throws(FederationError) -> Bool {
    var waiting = Set(workers)
    let deadline = Date(timeIntervalSinceNow: settings.timeout)
    while !waiting.isEmpty {
      guard let happening = roster.next(before: deadline) else {
        for worker in waiting.sorted() {
          roster.refuse(
            worker, FederationError("it did not answer for \(settings.timeout) seconds", .gone))
        }
        return false
      }
      switch happening {
      case .joined: break
      case .left(let worker):
        // The sum lacks its part.
        if waiting.contains(worker) || workers.contains(worker) { return false }
      case .message(let worker, let frame):
        // Answers to what was begun before come late.
        guard (frame.round, frame.attempt) == (number, attempt) else { continue }
        do throws(FederationError) {
          guard waiting.contains(worker), try take(worker, frame) else {
            throw FederationError("a \(frame.kind) that nobody asked for", .refused)
          }
          waiting.remove(worker)
        } catch {
          roster.refuse(worker, error)
          return false
        }
      }
    }
    return true
  }

  /// Lets the ring add up.
  ///
  /// - Returns: nil when it has to be begun anew.
  private func run(
    _ workers: [Int], _ examples: [Int: Int], _ number: Int, _ attempt: Int
  ) throws(FederationError) -> RoundOutcome? {
    let total = examples.values.reduce(0, +)
    let body = try TensorBody(words: members(workers, examples: total).words).bytes
    for worker in workers {
      roster.send(
        Frame(.round, round: number, attempt: attempt, step: RingMessages.begin, body: body),
        to: worker)
    }
    var outcome = RoundOutcome()
    outcome.members = workers
    if settings.tapped.contains(number) { outcome.tap = RoundTap(round: number, before: weights) }
    var reports: [Int: StudyReport] = [:]
    let isComplete = try collect(workers, number, attempt) {
      worker, frame throws(FederationError) in
      guard frame.kind == .report else { return false }
      reports[worker] = try StudyReport(try TensorBody(frame.body), vector.types)
      return true
    }
    guard isComplete, let next = reports[workers[0]]?.weights, !next.isEmpty else { return nil }
    outcome.enter(reports, of: workers)
    let sent = reports.values.reduce(0) { $0 + $1.sentBytes }
    outcome.traffic = (sent, sent)
    outcome.tap?.after = next
    weights = next
    return outcome
  }
}
