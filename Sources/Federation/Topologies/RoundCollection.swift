import Foundation

/// The messages of one round: from every member one or more, and its report.
struct RoundCollection {
  private let roster: Roster
  private let vector: ParameterVector
  private let members: Set<Int>
  private(set) var waiting: Set<Int>
  /// Whether a worker's report is the last that is waited for.
  var lastIsReport = true
  private(set) var reports: [Int: StudyReport] = [:]

  init(_ roster: Roster, _ vector: ParameterVector, _ members: [Int]) {
    self.roster = roster
    self.vector = vector
    waiting = Set(members)
    self.members = waiting
  }

  /// Reads messages until every member reported or is gone, or the time is over.
  ///
  /// - Parameters:
  ///   - isEnough: whether nothing more has to be waited for, besides that.
  ///   - leave: told who is gone.
  ///   - take: whether a message that is no report is one that was waited for. What it throws ends the part of
  ///     the worker that sent it.
  mutating func run(
    before deadline: Date, until isEnough: () -> Bool = { false },
    leave: (Int) -> Void = { _ in },
    take: (Int, Frame) throws(FederationError) -> Bool
  ) throws(FederationError) {
    while !waiting.isEmpty, !isEnough() {
      guard let happening = roster.next(before: deadline) else { return }
      switch happening {
      case .joined: break
      case .left(let worker):
        waiting.remove(worker)
        leave(worker)
      case .message(let worker, let frame):
        do throws(FederationError) {
          try read(frame, of: worker, take)
        } catch {
          roster.refuse(worker, error)
          waiting.remove(worker)
          leave(worker)
        }
      }
    }
  }

  private mutating func read(
    _ frame: Frame, of worker: Int, _ take: (Int, Frame) throws(FederationError) -> Bool
  ) throws(FederationError) {
    guard frame.round == roster.round else {
      guard frame.round < roster.round, [.update, .report, .masked].contains(frame.kind) else {
        throw FederationError(
          "a \(frame.kind) of round \(frame.round + 1), which is not begun", .refused)
      }
      // The answer of one who is late.
      roster.note(worker, "came too late with its \(frame.kind) of round \(frame.round + 1)")
      return
    }
    guard members.contains(worker) else {
      throw FederationError("a \(frame.kind) that nobody asked for", .refused)
    }
    if frame.kind == .report, reports[worker] == nil {
      reports[worker] = try StudyReport(try TensorBody(frame.body), vector.types)
      if lastIsReport { waiting.remove(worker) }
    } else if try !take(worker, frame) {
      throw FederationError("a \(frame.kind) that nobody asked for", .refused)
    }
  }

  /// Enters what the members reported.
  ///
  /// - Parameter isIn: whether a member's share is in.
  /// - Returns: the members that are in, ascending.
  func finish(
    _ outcome: inout RoundOutcome, isIn: (Int) -> Bool
  ) -> [Int] {
    let members = reports.keys.filter(isIn).sorted()
    outcome.enter(reports, of: members)
    return members
  }
}
