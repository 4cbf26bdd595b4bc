import ModelIO

/// What the members of a ring are told of a round, and what they answer.
enum RingMessages {
  /// Steps of a `round` message.
  static let (prepare, begin) = (0, 1)

  /// Who is in the ring, in its order.
  struct Members: Hashable {
    var addresses: [(worker: Int, address: Address)]
    /// Examples of all members together; 0 where that is not known yet.
    var examples = 0

    static func == (left: Members, right: Members) -> Bool {
      left.examples == right.examples && left.workers == right.workers
    }

    func hash(into hasher: inout Hasher) { hasher.combine(workers) }

    var workers: [Int] { addresses.map(\.worker) }

    var words: [String: String] {
      [
        "members": addresses.map { "\($0.worker)@\($0.address)" }.joined(separator: " "),
        "examples": String(examples),
      ]
    }

    init(_ addresses: [(worker: Int, address: Address)], examples: Int = 0) {
      self.addresses = addresses
      self.examples = examples
    }

    init(_ body: TensorBody) throws(FederationError) {
      addresses = []
      for text in (body.words["members"] ?? "").split(separator: " ") {
        let parts = text.split(separator: "@", maxSplits: 1)
        guard parts.count == 2, let worker = Int(parts[0]), let address = Address(String(parts[1]))
        else { throw FederationError("the server's list of members cannot be read", .refused) }
        addresses.append((worker, address))
      }
      examples = try body.number("examples", in: 0...1_000_000_000)
      guard addresses.count >= 2, Set(workers).count == addresses.count else {
        throw FederationError("the server's ring has \(addresses.count) members", .refused)
      }
    }
  }
}
