import ModelIO

/// One message between two parties of a federation: a header of fixed length, and a body whose form its kind says.
///
/// The header, big-endian: "GLK1"; kind (1 byte); step (3 bytes); round (4); attempt (4); sender (4); length of the
/// body (4).
package struct Frame: Hashable, Sendable {
  /// What a message is.
  package enum Kind: UInt8, Sendable, CaseIterable {
    /// A worker asks to take part; ``Greeting``.
    case hello = 1
    /// The server takes it in; ``Welcome``.
    case welcome
    /// A round begins: its members, and from a parameter server the weights.
    case round
    /// What a worker shares with the server: a gradient, or its weights after local steps.
    case update
    /// A part of a vector, from a neighbour in a ring.
    case chunk
    /// A worker's introduction to a neighbour in a ring.
    case neighbour
    /// What the study, not the scene, wants to know of a worker: its batch, its loss, what it saw.
    case report
    /// A step of secure aggregation, as its own bytes.
    case masked
    /// A step of a federation that encrypts: keys, and sums that workers alone read; ``EncryptedStep``.
    case encrypted
    /// The training is over.
    case done
    /// Why the other side is left out, in a sentence.
    case refusal
  }

  /// What it is.
  package var kind: Kind
  /// Of training, from 0.
  package var round = 0
  /// How often the round was begun anew before, from 0.
  package var attempt = 0
  /// A number whose meaning the kind says: of a protocol's step, of a ring's hop.
  package var step = 0
  /// The worker that sent it; 0 from a server.
  package var sender = 0
  /// What it carries.
  package var body: [UInt8] = []

  /// A message without a body.
  package init(
    _ kind: Kind, round: Int = 0, attempt: Int = 0, step: Int = 0, sender: Int = 0,
    body: [UInt8] = []
  ) {
    self.kind = kind
    self.round = round
    self.attempt = attempt
    self.step = step
    self.sender = sender
    self.body = body
  }

  /// Bytes of the header.
  package static let headerSize = 24
  private static let magic: [UInt8] = Array("GLK1".utf8)

  /// Header and body.
  package var bytes: [UInt8] {
    precondition(
      (0..<1 << 24).contains(step)
        && [round, attempt, sender, body.count].allSatisfy {
          (0...Int(UInt32.max)).contains($0)
        }, "round \(round), attempt \(attempt), step \(step) or \(body.count) bytes are too many")
    var result = Frame.magic
    result.reserveCapacity(Frame.headerSize + body.count)
    result.append(kind.rawValue)
    result += Frame.bigEndian(step)[1...]
    for number in [round, attempt, sender, body.count] { result += Frame.bigEndian(number) }
    return result + body
  }

  private static func bigEndian(_ number: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) }
  }

  /// Reads a header.
  ///
  /// - Parameters:
  ///   - header: of ``headerSize`` bytes.
  ///   - limit: of the body, in bytes.
  /// - Returns: the message without its body, and the body's length.
  /// - Throws: ``FederationError`` of kind `refused` for what is no header, or announces too much.
  package static func parse(
    header: [UInt8], limit: Int
  ) throws(FederationError) -> (frame: Frame, bodySize: Int) {
    guard header.count == headerSize, Array(header.prefix(4)) == magic else {
      throw FederationError("it does not speak the protocol of gradleak's federations", .refused)
    }
    guard let kind = Kind(rawValue: header[4]) else {
      throw FederationError("a message of unknown kind \(header[4])", .refused)
    }
    func number(at start: Int, _ count: Int) -> Int {
      header[start..<start + count].reduce(0) { $0 << 8 | Int($1) }
    }
    let size = number(at: 20, 4)
    guard size <= limit else {
      throw FederationError("a message of \(size) bytes, where \(limit) are allowed", .refused)
    }
    return (
      Frame(
        kind, round: number(at: 8, 4), attempt: number(at: 12, 4), step: number(at: 5, 3),
        sender: number(at: 16, 4)), size
    )
  }
}
