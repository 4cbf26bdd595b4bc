import Foundation
import ModelIO
import TensorGraph

/// A worker: trains on its private examples when a round begins, and shares what comes of it.
package final class Worker {
  /// What the server told it.
  package let welcome: Invitation.Welcome
  private let connections: Connections
  private let server: PeerID
  private let trainer: LocalTrainer
  private let vector: ParameterVector
  private let part: any WorkerPart

  /// How a worker's part ended.
  package enum End: Sendable, Hashable {
    /// The training is over.
    case done
    /// It drops out of a round and asks to take part again.
    case droppedOut
  }

  /// Connects to a server and introduces itself.
  ///
  /// - Parameters:
  ///   - worker: the number that it wants; nil for any.
  ///   - listeningHost: where its neighbours in a ring reach it.
  /// - Returns: the connections, and what the server told.
  /// - Throws: ``FederationError`` of kind `gone` when nobody is there, `refused` when it may not take part.
  package static func join(
    _ server: Address, token: String, worker: Int?, listeningHost: String, largestBody: Int
  ) throws(FederationError) -> (Connections, PeerID, Invitation.Welcome) {
    let connections = Connections(largestBody: largestBody)
    do {
      let port = try connections.listen(host: listeningHost, port: 0)
      let peer = try connections.connect(host: server.host, port: server.port)
      let greeting = Invitation.Greeting(
        token: token, worker: worker, address: Address(host: listeningHost, port: port))
      connections.send(Frame(.hello, body: try greeting.body.bytes), to: peer)
      let deadline = Date(timeIntervalSinceNow: Roster.patience)
      while let event = connections.next(before: deadline) {
        switch event {
        case .message(peer, let frame) where frame.kind == .welcome:
          return (connections, peer, try Invitation.Welcome(try TensorBody(frame.body)))
        case .message(peer, let frame) where frame.kind == .refusal:
          throw FederationError(serverSaying: frame)
        case .left(peer, let reason):
          throw reason
            ?? FederationError("the server at \(server) ended the connection", .gone)
        default: break
        }
      }
      throw FederationError("the server at \(server) does not answer", .gone)
    } catch let error as FederationError {
      connections.shutDown()
      throw error
    } catch {
      connections.shutDown()
      throw FederationError("\(error)", .gone)
    }
  }

  /// - Parameters: what ``join(_:token:worker:listeningHost:largestBody:)`` gave.
  package init(
    _ connections: Connections, _ server: PeerID, _ welcome: Invitation.Welcome,
    _ trainer: LocalTrainer, _ vector: ParameterVector
  ) {
    self.connections = connections
    self.server = server
    self.welcome = welcome
    self.trainer = trainer
    self.vector = vector
    part =
      switch welcome.settings.protection {
      case .secureAggregation: MaskedPart(welcome.settings, vector)
      case .none, .paillier, .ckks: PlainPart()
      }
  }

  /// Takes part until the training is over.
  ///
  /// - Parameter shouldStop: asked now and then.
  /// - Throws: ``FederationError`` when the server is gone, refuses the worker or breaks a rule; ``AttackError`` when the
  ///   backend cannot run the model.
  package func run(shouldStop: () -> Bool = { false }) throws -> End {
    defer { connections.shutDown() }
    while !shouldStop() {
      guard let event = connections.next(before: Date(timeIntervalSinceNow: 0.5)) else { continue }
      switch event {
      case .joined: break
      case .left(let peer, let reason):
        guard peer == server else { continue }
        throw reason ?? FederationError("the server ended the connection", .gone)
      case .message(let peer, let frame):
        guard peer == server else { continue }
        if let end = try take(frame) { return end }
      }
    }
    throw FederationError("the worker was stopped", .stopped)
  }

  private func take(_ frame: Frame) throws -> End? {
    switch frame.kind {
    case .done: return .done
    case .refusal: throw FederationError(serverSaying: frame)
    case .round:
      let plan = RoundPlan(welcome.settings, round: frame.round)
      if plan.dropsOut(welcome.worker), welcome.settings.protection != .secureAggregation {
        return .droppedOut
      }
      let weights = try TensorBody(frame.body).tensors(of: vector.types)
      let share = try trainer.share(
        worker: welcome.worker, round: frame.round, weights: weights)
      if plan.isLate(welcome.worker) { Thread.sleep(forTimeInterval: welcome.settings.delay) }
      return try part.begin(share, self, frame)
    default: return try part.take(frame, self)
    }
  }

  func send(_ frame: Frame) {
    var frame = frame
    frame.sender = welcome.worker
    connections.send(frame, to: server)
  }

  func named(_ share: LocalTrainer.Share) throws(FederationError) -> [UInt8] {
    try TensorBody(
      vector.named(share.tensors), words: ["examples": String(share.examples.count)]
    ).bytes
  }

  /// Tells the study of a round.
  ///
  /// - Parameter withShare: whether of the share too, where the round is tapped.
  func report(
    _ share: LocalTrainer.Share, round: Int, withShare: Bool = false
  ) throws(FederationError) {
    let isTapped = welcome.settings.tapped.contains(round)
    var report = trainer.report(share, isTapped: isTapped)
    if isTapped, withShare { report.share = share.tensors }
    send(Frame(.report, round: round, body: try report.body.bytes))
  }
}

/// How a worker shares what it has: in the clear, masked or encrypted.
protocol WorkerPart: AnyObject {
  /// Shares what came of a round's training, or begins to.
  ///
  /// - Parameter frame: that began the round.
  ///
  /// - Returns: how the worker's part ends; nil where it does not.
  func begin(_ share: LocalTrainer.Share, _ worker: Worker, _ frame: Frame) throws -> Worker.End?

  /// Answers a message of the server that belongs to it.
  ///
  /// - Returns: as ``begin(_:_:_:)``.
  func take(_ frame: Frame, _ worker: Worker) throws -> Worker.End?
}

/// In the clear.
final class PlainPart: WorkerPart {
  func begin(
    _ share: LocalTrainer.Share, _ worker: Worker, _ frame: Frame
  ) throws -> Worker.End? {
    let round = frame.round
    worker.send(Frame(.update, round: round, body: try worker.named(share)))
    try worker.report(share, round: round)
    return nil
  }

  func take(_ frame: Frame, _ worker: Worker) throws -> Worker.End? {
    throw FederationError("the server sent a \(frame.kind), which is for others", .refused)
  }
}

extension FederationError {
  /// Of a server that ends a worker's part.
  init(serverSaying frame: Frame) {
    let reason = String(String(decoding: frame.body, as: UTF8.self).prefix(300))
    self.init("the server refuses: \(reason.escapingControlCharacters)", .refused)
  }
}
