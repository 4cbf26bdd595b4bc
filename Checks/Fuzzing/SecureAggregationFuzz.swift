import Federation

/// Changed messages of secure aggregation: each is put into a run in place of another or between two, is refused or taken, and the
/// run has to end with the right sum of those that are said to be in it, or for too few clients.
package struct SecureAggregationFuzz: Sendable {
  /// A run before each of its messages.
  private let moments: [[SecureAggregationRehearsal]]

  /// Runs of five clients for a server that keeps to the protocol, where one falls silent on the way, and of four for one that may lie.
  package static let shared = try? SecureAggregationFuzz()

  init() throws {
    moments = try [false, true].enumerated().map { index, active in
      let settings = try SecureAggregationSettings(
        clientCount: active ? 4 : 5, vectorLength: 5, active: active)
      var run = try SecureAggregationRehearsal(
        settings: settings, round: index, seed: 7, silentFrom: active ? [:] : [3: .maskedInput])
      var moments: [SecureAggregationRehearsal] = []
      while run.next != nil {
        moments.append(run)
        run.step()
      }
      return moments
    }
  }

  /// The runs' own messages.
  package var messages: [[UInt8]] { moments.joined().compactMap { $0.next?.bytes } }

  /// What came of a message.
  package struct Result: Sendable {
    package let wasTaken: Bool
    /// What is wrong with how the run ended.
    package let fault: String?
  }

  /// Puts a message into a run: where, in whose name and whether in place of another follows from its bytes.
  package func play(_ bytes: [UInt8]) -> Result {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    var generator = FuzzGenerator(state: hash)
    // The round, 20 bytes in, tells the runs apart.
    let moments = moments[bytes.count > 20 && bytes[20] == 1 ? 1 : 0]
    var bytes = bytes
    if let header = moments[0].next?.bytes, bytes.count > 24,
      Int.random(in: 0..<4, using: &generator) > 0
    {
      // Most get a right header again, so that what is behind it is read.
      for index in 0..<24 where index != 3 { bytes[index] = header[index] }
    }
    let kind = SecureAggregationMessageKind(of: bytes)
    let fitting = moments.filter {
      $0.next.map { SecureAggregationMessageKind(of: $0.bytes) } == .some(kind)
    }
    let isElsewhere = Int.random(in: 0..<4, using: &generator) == 0
    guard
      var run = (isElsewhere || fitting.isEmpty ? moments : fitting).randomElement(
        using: &generator),
      var delivery = run.next
    else { return Result(wasTaken: false, fault: "there is no run") }
    let reader = delivery.address
    if Bool.random(using: &generator) {
      // Half get the length of what was to come.
      bytes = Array(bytes.prefix(delivery.bytes.count)) + delivery.bytes.dropFirst(bytes.count)
    }
    delivery.bytes = bytes
    if Int.random(in: 0..<8, using: &generator) == 0 {
      let client = Int.random(in: 1...run.settings.clientCount, using: &generator)
      delivery.address =
        Bool.random(using: &generator) ? .client(client) : .server(from: client)
    }
    let replaces = delivery.address == reader && Bool.random(using: &generator)
    let why = run.deliver(delivery)
    if let why, why.kind != .refused {
      return Result(wasTaken: false, fault: "was not refused but \(why.kind): \(why.message)")
    }
    // What is refused changes nothing, so that few such runs have to be played to their end.
    if why != nil, !replaces, Int.random(in: 0..<8, using: &generator) != 0 {
      return Result(wasTaken: false, fault: nil)
    }
    if replaces { run.lose() }
    _ = run.run()
    return Result(wasTaken: why == nil, fault: run.fault)
  }
}
