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
    // Who comes in the place of one that left has no part in this round.
    let parties = Dictionary(
      uniqueKeysWithValues: members.map { ($0, roster.connection(of: $0)) })
    func send(
      _ body: [UInt8], to clients: [Int], _ step: SecureAggregationStep
    ) {
      for worker in clients.map({ $0 - 1 }) where roster.connection(of: worker) == parties[worker] {
        roster.send(Frame(.masked, round: roster.round, step: step.place, body: body), to: worker)
      }
    }
    var collection = RoundCollection(roster, vector, members)
    collection.lastIsReport = false
    defer { transcripts.append(server.transcript) }
    try step(&server, &collection, before: deadline)
    let keys = try server.closeKeys()
    send(keys.encoded(), to: keys.entries.map(\.sender), .advertiseKeys)
    try step(&server, &collection, before: deadline)
    for shares in try server.closeShares() {
      send(shares.encoded(), to: [shares.recipient], .shareKeys)
    }
    try step(&server, &collection, before: deadline)
    let survivors = try server.closeMaskedInputs()
    send(survivors.encoded(), to: survivors.survivors, .maskedInput)
    try step(&server, &collection, before: deadline)
    let sum = try server.unmaskedSum()
    let included = sum.included.map { $0 - 1 }
    let told = collection.finish(&outcome) { included.contains($0) }
    outcome.members = included
    // One that ended between its vector and its report is in the sum all the same, with a batch that nobody knows.
    for worker in included where !told.contains(worker) {
      roster.note(worker, "is in the sum, and left before it told the study of its batch")
      outcome.tap = nil
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
}
