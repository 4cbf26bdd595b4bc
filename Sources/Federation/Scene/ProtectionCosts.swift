import Solvers

/// What it costs to keep a server from reading updates: one round of each protection, in memory on this machine.
package struct ProtectionCosts: Codable, Sendable {
  /// The format's version.
  package var version = 1
  /// Numbers that each worker shares.
  package let values: Int
  /// That share.
  package let workers: Int
  /// In the order of protection.
  package var rows: [Row] = []

  /// One round.
  package struct Row: Codable, Sendable {
    /// The name of the protection, or of its scheme.
    package let protection: String
    /// Workers that dropped out after they had shared keys.
    package var gone = 0
    /// Bytes that a worker sends.
    package let sentBytes: Int
    /// Bytes that a worker receives, weights or sum among them.
    package let receivedBytes: Int
    /// Of one worker, for all that belongs to the protection, on all cores.
    package let workerSeconds: Double
    /// Of the server, likewise.
    package let serverSeconds: Double
    /// Between the mean that comes of it and that of the shares, the norm relative to the mean's.
    package let relativeError: Double
    /// Details of encryption; nil for other protections.
    package var encryption: EncryptionCost?
  }

  /// Measures all of them, the cheapest first.
  ///
  /// - Parameters:
  ///   - seed: of the values, which are normal with a deviation of 0.01, as gradients are small.
  ///   - observe: told what is measured next; false ends it.
  /// - Returns: nil where `observe` ended it.
  /// - Throws: ``FederationError`` of kind `badInput` for too few or too many workers.
  package static func measure(
    values: Int, workers: Int, seed: UInt64, observe: (String) -> Bool
  ) throws(FederationError) -> ProtectionCosts? {
    var settings = FederationSettings()
    (settings.workers, settings.seed) = (workers, seed)
    settings.protection = .secureAggregation
    try settings.check()
    var source = RandomSource(seed: seed)
    let vectors = (0..<workers).map { _ in
      (0..<values).map { _ in Double(Float(0.01 * source.normal())) }
    }
    var costs = ProtectionCosts(values: values, workers: workers)
    costs.rows.append(
      Row(
        protection: Protection.none.rawValue, sentBytes: 4 * values, receivedBytes: 4 * values,
        workerSeconds: 0, serverSeconds: 0, relativeError: 0))
    for gone in Set([0, workers * 3 / 10]).sorted() {
      guard observe(Protection.secureAggregation.rawValue) else { return nil }
      costs.rows.append(try masked(settings, vectors, gone: gone))
    }
    for scheme in [EncryptionScheme.ckks, .paillier2048, .paillier] {
      guard observe(scheme.rawValue) else { return nil }
      costs.rows.append(try encrypted(scheme, vectors))
    }
    return costs
  }

  private static func encrypted(
    _ scheme: EncryptionScheme, _ vectors: [[Double]]
  ) throws(FederationError) -> Row {
    var generator = SystemRandomNumberGenerator()
    let cost = try EncryptionCost.measure(scheme, clients: vectors, using: &generator)
    return Row(
      protection: scheme.rawValue, sentBytes: cost.encryptedBytes,
      receivedBytes: cost.encryptedBytes,
      workerSeconds: cost.encryptSeconds + cost.decryptSeconds, serverSeconds: cost.addSeconds,
      relativeError: cost.relativeError, encryption: cost)
  }

  /// A run of secure aggregation, in which the last workers drop out before they send their masked vectors.
  private static func masked(
    _ settings: FederationSettings, _ vectors: [[Double]], gone: Int
  ) throws(FederationError) -> Row {
    let quantizer = try settings.quantizer()
    let agreed = try settings.secureAggregation(valueCount: vectors[0].count)
    let session = try settings.session(round: 0, attempt: gone)
    var server = try SecureAggregationServer(settings: agreed, session: session)
    var clients = try vectors.indices.map { (index) throws(FederationError) in
      try SecureAggregationClient(number: index + 1, settings: agreed, session: session)
    }
    var source = RandomSource(seed: settings.seed).derive(label: "rounding")
    let staying = vectors.count - gone
    let clock = ContinuousClock()
    var (workerTime, serverTime) = (Duration.zero, Duration.zero)
    var (sent, received) = (0, 0)
    func timed<Result>(
      _ total: inout Duration, _ body: () throws(FederationError) -> Result
    ) throws(FederationError) -> Result {
      let start = clock.now
      defer { total += clock.now - start }
      return try body()
    }
    var inputs: [[UInt32]] = []
    for vector in vectors {
      inputs.append(
        try timed(&workerTime) { () throws(FederationError) in
          try quantizer.words(for: vector, weight: settings.batchSize, using: &source)
        })
    }
    func receive(_ message: [UInt8], from client: Int) throws(FederationError) {
      sent += message.count
      try timed(&serverTime) { () throws(FederationError) in
        try server.receive(encoded: message, from: client)
      }
    }
    func answer(_ message: [UInt8], _ client: Int) throws(FederationError) {
      received += message.count
      let answer = try timed(&workerTime) { () throws(FederationError) in
        try clients[client - 1].answer(encoded: message, input: inputs[client - 1])
      }
      try receive(answer, from: client)
    }
    for client in 1...vectors.count {
      let keys = try timed(&workerTime) { () throws(FederationError) in
        try clients[client - 1].advertiseKeys().encoded()
      }
      try receive(keys, from: client)
    }
    let keys = try timed(&serverTime) { () throws(FederationError) in
      try server.closeKeys().encoded()
    }
    for client in 1...vectors.count { try answer(keys, client) }
    let shares = try timed(&serverTime) { () throws(FederationError) in try server.closeShares() }
    for list in shares where list.recipient <= staying {
      try answer(list.encoded(), list.recipient)
    }
    for client in staying..<vectors.count { server.drop(client + 1, because: "it dropped out") }
    let survivors = try timed(&serverTime) { () throws(FederationError) in
      try server.closeMaskedInputs().encoded()
    }
    for client in 1...staying { try answer(survivors, client) }
    let mean = try timed(&serverTime) { () throws(FederationError) in
      try quantizer.weightedMean(ofSum: try server.unmaskedSum().words).values
    }
    let right = vectors[0].indices.map { index in
      vectors.prefix(staying).reduce(0) { $0 + $1[index] } / Double(staying)
    }
    let norm = { (numbers: [Double]) in numbers.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    return Row(
      protection: Protection.secureAggregation.rawValue, gone: gone,
      sentBytes: sent / vectors.count,
      receivedBytes: received / vectors.count + 4 * vectors[0].count,
      workerSeconds: workerTime / .seconds(1) / Double(vectors.count),
      serverSeconds: serverTime / .seconds(1),
      relativeError: norm(zip(mean, right).map { $0 - $1 })
        / max(norm(right), .leastNormalMagnitude))
  }
}
