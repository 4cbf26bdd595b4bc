import Foundation
import TensorGraph

/// How a parameter server comes to the mean of its workers' shares: in the clear, masked or encrypted.
protocol UpdateExchange: AnyObject {
  /// Collects what the members of a round share.
  ///
  /// - Parameters:
  ///   - members: those that were sent the weights, ascending.
  ///   - outcome: with what is known of the round by then; gets its members, mean and tap.
  ///   - deadline: after which nobody is waited for.
  /// - Throws: ``FederationError`` of kind `tooFew` when no right mean can be had.
  func collect(
    _ members: [Int], _ outcome: inout RoundOutcome, before deadline: Date
  ) throws(FederationError)
}

/// Shares in the clear, as most federations exchange them.
final class PlainExchange: UpdateExchange {
  private let roster: Roster
  private let vector: ParameterVector
  private let settings: FederationSettings

  init(_ roster: Roster, _ vector: ParameterVector, _ settings: FederationSettings) {
    self.roster = roster
    self.vector = vector
    self.settings = settings
  }

  func collect(
    _ members: [Int], _ outcome: inout RoundOutcome, before deadline: Date
  ) throws(FederationError) {
    var collection = RoundCollection(roster, vector, members)
    var shares: [Int: (tensors: [Tensor], examples: Int)] = [:]
    try collection.run(before: deadline) { worker, frame throws(FederationError) in
      guard frame.kind == .update, shares[worker] == nil else { return false }
      let body = try TensorBody(frame.body)
      shares[worker] = (
        try body.tensors(of: vector.types), try body.number("examples", in: 1...1_000_000)
      )
      return true
    }
    let complete = collection.finish(&outcome) { shares[$0] != nil }
    outcome.members = complete
    guard complete.count >= settings.fewest else { return }
    outcome.mean = vector.mean(complete.compactMap { shares[$0] })
    outcome.tap?.shares = shares.mapValues(\.tensors).filter { complete.contains($0.key) }
    outcome.tap?.inClear = Set(complete)
  }
}

/// The messages of one round: from every member one or more, and its report.
struct RoundCollection {
  private let roster: Roster
  private let vector: ParameterVector
  private(set) var waiting: Set<Int>
  private(set) var reports: [Int: StudyReport] = [:]

  init(_ roster: Roster, _ vector: ParameterVector, _ members: [Int]) {
    self.roster = roster
    self.vector = vector
    waiting = Set(members)
  }

  /// Reads messages until every member reported or is gone, or the time is over.
  ///
  /// - Parameter take: whether a message that is no report is one that was waited for. What it throws ends the part of
  ///   the worker that sent it.
  mutating func run(
    before deadline: Date, take: (Int, Frame) throws(FederationError) -> Bool
  ) throws(FederationError) {
    while !waiting.isEmpty {
      guard let happening = roster.next(before: deadline) else { return }
      switch happening {
      case .joined: break
      case .left(let worker): waiting.remove(worker)
      case .message(let worker, let frame):
        do throws(FederationError) {
          try read(frame, of: worker, take)
        } catch {
          roster.refuse(worker, error)
          waiting.remove(worker)
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
    guard waiting.contains(worker) else {
      throw FederationError("a \(frame.kind) that nobody asked for", .refused)
    }
    if frame.kind == .report {
      reports[worker] = try StudyReport(try TensorBody(frame.body), vector.types)
      waiting.remove(worker)
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
