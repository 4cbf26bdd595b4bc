import Foundation
import TensorGraph

/// A member of a ring: adds its share to what its neighbour sends, and sends it on.
package final class RingWorker {
  private let welcome: Invitation.Welcome
  private let connections: Connections
  private let server: PeerID
  private let trainer: LocalTrainer
  private let vector: ParameterVector
  private let token: String

  /// The latest weights that all members have, and of which round's beginning.
  private var weights: [Tensor] = []
  /// What the latest round came to, until the next one shows that all have it.
  private var pending: (round: Int, weights: [Tensor])?
  private var current: Turn?
  /// Parts that came and are not taken yet.
  private var waiting: [Frame] = []
  /// Neighbours that showed the token.
  private var neighbours: Set<PeerID> = []
  /// The neighbour behind, which takes no large messages before it knows who this is.
  private var outgoing: (address: Address, peer: PeerID, isReady: Bool)?

  /// An all-reduce that is going on.
  private struct Turn {
    let round: Int
    let attempt: Int
    let share: LocalTrainer.Share
    var reduction: AllReduce
    /// Hops whose part was sent.
    var sent = 0
    var sentBytes = 0
  }

  private static let largestWaitingCount = 4096

  /// - Parameters: as of ``Worker``.
  ///   - token: that neighbours must know.
  package init(
    _ connections: Connections, _ server: PeerID, _ welcome: Invitation.Welcome, token: String,
    _ trainer: LocalTrainer, _ vector: ParameterVector
  ) {
    self.connections = connections
    self.server = server
    self.welcome = welcome
    self.token = token
    self.trainer = trainer
    self.vector = vector
  }

  /// Takes part until the training is over.
  ///
  /// - Throws: as ``Worker/run(shouldStop:)``.
  package func run(shouldStop: () -> Bool = { false }) throws -> Worker.End {
    defer { connections.shutDown() }
    while !shouldStop() {
      guard let event = connections.next(before: Date(timeIntervalSinceNow: 0.5)) else { continue }
      switch event {
      case .joined: break
      case .left(let peer, let reason):
        neighbours.remove(peer)
        if outgoing?.peer == peer { outgoing = nil }
        if peer == server {
          throw reason ?? FederationError("the server ended the connection", .gone)
        }
      case .message(let peer, let frame):
        if peer == server {
          if try take(frame) { return .done }
        } else {
          try takeFromNeighbour(frame, peer)
        }
      }
    }
    throw FederationError("the worker was stopped", .stopped)
  }

  // MARK: - The server

  /// - Returns: whether the training is over.
  private func take(_ frame: Frame) throws -> Bool {
    switch frame.kind {
    case .done: return true
    case .refusal: throw FederationError(serverSaying: frame)
    case .round where frame.step == RingMessages.prepare: try prepare(frame)
    case .round: try begin(frame)
    default:
      throw FederationError("the server sent a \(frame.kind), which is for others", .refused)
    }
    return false
  }

  private func prepare(_ frame: Frame) throws {
    let body = try TensorBody(frame.body)
    current = nil
    waiting.removeAll { ($0.round, $0.attempt) < (frame.round, frame.attempt) }
    if !body.tensors.isEmpty {
      weights = try body.tensors(of: vector.types)
    } else if let pending, pending.round == frame.round - 1 {
      weights = pending.weights
    } else if pending?.round != frame.round {
      throw FederationError("the server begins a round whose weights are not known here", .refused)
    }
    let answer = TensorBody(words: [
      "examples": String(trainer.exampleCount)
    ])
    connections.send(
      Frame(
        .round, round: frame.round, attempt: frame.attempt, sender: welcome.worker,
        body: try answer.bytes),
      to: server)
  }

  private func begin(_ frame: Frame) throws {
    let members = try RingMessages.Members(try TensorBody(frame.body))
    guard let place = members.workers.firstIndex(of: welcome.worker), members.examples > 0 else {
      throw FederationError("the server begins a ring without this worker", .refused)
    }
    let share = try trainer.share(worker: welcome.worker, round: frame.round, weights: weights)
    let factor = Float(share.examples.count) / Float(members.examples)
    let values = vector.flat(share.tensors).map { $0 * factor }
    if RoundPlan(welcome.settings, round: frame.round).isLate(welcome.worker) {
      Thread.sleep(forTimeInterval: welcome.settings.delay)
    }
    current = Turn(
      round: frame.round, attempt: frame.attempt, share: share,
      reduction: AllReduce(members: members.workers, place: place, values: values))
    try connect(to: members.addresses[(place + 1) % members.addresses.count].address)
    waiting.removeAll { ($0.round, $0.attempt) < (frame.round, frame.attempt) }
    try advance()
  }

  // MARK: - Neighbours

  private func connect(to address: Address) throws(FederationError) {
    if outgoing?.address == address { return }
    if let outgoing { connections.close(outgoing.peer) }
    outgoing = nil
    do throws(FederationError) {
      let peer = try connections.connect(host: address.host, port: address.port)
      let body = try TensorBody(words: ["token": token]).bytes
      connections.send(Frame(.neighbour, sender: welcome.worker, body: body), to: peer)
      outgoing = (address, peer, false)
    } catch {
      // The server sees that the neighbour is gone, and begins anew.
      guard error.kind == .gone else { throw error }
    }
  }

  private func takeFromNeighbour(_ frame: Frame, _ peer: PeerID) throws {
    if peer == outgoing?.peer, frame.kind == .welcome {
      outgoing?.isReady = true
      return try advance()
    }
    do throws(FederationError) {
      guard neighbours.contains(peer) else {
        guard frame.kind == .neighbour,
          Roster.isSame(try TensorBody(frame.body).words["token"] ?? "", token)
        else { throw FederationError("a stranger", .refused) }
        neighbours.insert(peer)
        connections.trust(peer)
        connections.send(Frame(.welcome, sender: welcome.worker), to: peer)
        return
      }
      guard frame.kind == .chunk, waiting.count < RingWorker.largestWaitingCount else {
        throw FederationError("a \(frame.kind) that nobody asked for", .refused)
      }
    } catch {
      neighbours.remove(peer)
      connections.close(peer, saying: error.message)
      return
    }
    guard (frame.round, frame.attempt) >= current.map({ ($0.round, $0.attempt) }) ?? (-1, -1) else {
      return
    }
    waiting.append(frame)
    try advance()
  }

  /// Sends what is to be sent and takes what came, as far as this goes: hop after hop, the own part first.
  private func advance() throws {
    while let turn = current, !turn.reduction.isDone {
      try sendPart()
      guard let hop = current?.reduction.hop, hop < current?.sent ?? 0,
        let next = waiting.firstIndex(where: {
          ($0.round, $0.attempt, $0.step) == (turn.round, turn.attempt, hop)
        }), add(waiting.remove(at: next))
      else { return }
    }
    if let current { try finish(current) }
    current = nil
  }

  /// Adds a part of the present hop.
  ///
  /// - Returns: false for one that is none: without it there is no sum, and the server begins anew when time is over.
  private func add(_ frame: Frame) -> Bool {
    do throws(FederationError) {
      guard case .f32(let values)? = try TensorBody(frame.body).tensors["part"]?.storage else {
        return false
      }
      try current?.reduction.take(values)
      return true
    } catch {
      return false
    }
  }

  private func sendPart() throws(FederationError) {
    guard var turn = current, let outgoing, outgoing.isReady, turn.sent == turn.reduction.hop
    else { return }
    let values = turn.reduction.outgoing.values
    let body = try TensorBody(["part": Tensor([values.count], .f32(values))]).bytes
    connections.send(
      Frame(
        .chunk, round: turn.round, attempt: turn.attempt, step: turn.reduction.hop,
        sender: welcome.worker, body: body), to: outgoing.peer)
    turn.sent += 1
    turn.sentBytes += Frame.headerSize + body.count
    current = turn
  }

  private func finish(_ turn: Turn) throws {
    let mean = vector.tensors(turn.reduction.values)
    let next = vector.next(weights, mean: mean, welcome.settings)
    pending = (turn.round, next)
    var report = trainer.report(
      turn.share, isTapped: welcome.settings.tapped.contains(turn.round))
    report.sentBytes = turn.sentBytes
    if turn.reduction.place == 0 { report.weights = next }
    if report.batch != nil {
      report.share = turn.share.tensors
      report.hops = turn.reduction.received
    }
    connections.send(
      Frame(
        .report, round: turn.round, attempt: turn.attempt, sender: welcome.worker,
        body: try report.body.bytes), to: server)
  }
}
