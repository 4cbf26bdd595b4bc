import Foundation
import TensorGraph

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

  var fewest: Int { 1 }

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
