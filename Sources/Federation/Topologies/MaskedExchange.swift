import Foundation
import TensorGraph

/// Shares under secure aggregation: the server sees masked vectors, and the sum.
final class MaskedExchange: UpdateExchange {
  private let roster: Roster
  private let vector: ParameterVector
  private let settings: FederationSettings
  private let quantizer: VectorQuantizer
  private let protocolSettings: SecureAggregationSettings
  /// Of the rounds so far: what the server saw of each.
  private(set) var transcripts: [SecureAggregationTranscript] = []

  init(
    _ roster: Roster, _ vector: ParameterVector, _ settings: FederationSettings
  ) throws(FederationError) {
    self.roster = roster
    self.vector = vector
    self.settings = settings
    quantizer = try settings.quantizer()
    protocolSettings = try settings.secureAggregation(valueCount: vector.count)
  }

  var fewest: Int { protocolSettings.threshold }

  func collect(
    _ members: [Int], _ outcome: inout RoundOutcome, before deadline: Date
  ) throws(FederationError) {
    var server = try SecureAggregationServer(
      settings: protocolSettings,
      session: try settings.session(round: roster.round, attempt: outcome.attempts - 1))
    for worker in 0..<settings.workers where !members.contains(worker) {
      server.drop(worker + 1, because: "it was not there when the round began")
    }
    var collection = RoundCollection(roster, vector, members)
    collection.lastIsReport = false
    defer { transcripts.append(server.transcript) }
    try step(&server, &collection, before: deadline)
    let keys = try server.closeKeys()
    try send(keys.encoded(), to: keys.entries.map(\.sender), .advertiseKeys)
    try step(&server, &collection, before: deadline)
    for shares in try server.closeShares() {
      try send(shares.encoded(), to: [shares.recipient], .shareKeys)
    }
    try step(&server, &collection, before: deadline)
    let survivors = try server.closeMaskedInputs()
    try send(survivors.encoded(), to: survivors.survivors, .maskedInput)
    try step(&server, &collection, before: deadline)
    let sum = try server.unmaskedSum()
    let included = sum.included.map { $0 - 1 }
    outcome.members = collection.finish(&outcome) { included.contains($0) }
    guard outcome.members == included else {
      throw FederationError("a worker of the sum did not report to the study", .refused)
    }
    let mean = try quantizer.weightedMean(ofSum: sum.words)
    outcome.mean = vector.tensors(mean.values.map { Float($0) })
  }

  /// Takes the messages of a step until all came or the time is over.
  private func step(
    _ server: inout SecureAggregationServer, _ collection: inout RoundCollection,
    before deadline: Date
  ) throws(FederationError) {
    var copy = server
    defer { server = copy }
    try collection.run(
      before: deadline, until: { copy.awaited.isEmpty },
      leave: { copy.drop($0 + 1, because: "its connection ended") }
    ) { worker, frame throws(FederationError) in
      guard frame.kind == .masked else { return false }
      try copy.receive(encoded: frame.body, from: worker + 1)
      return true
    }
    for client in copy.awaited { copy.drop(client, because: "it did not answer in time") }
  }

  private func send(
    _ body: [UInt8], to clients: [Int], _ step: SecureAggregationStep
  ) throws(FederationError) {
    for client in clients {
      roster.send(
        Frame(.masked, round: roster.round, step: step.place, body: body), to: client - 1)
    }
  }
}
