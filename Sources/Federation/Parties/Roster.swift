import Foundation

/// Who takes part in a federation, as its server knows: lets workers in that know the token, and shows out who breaks
/// a rule.
package final class Roster {
  /// Something that a worker did.
  package enum Happening {
    case message(worker: Int, Frame)
    case joined(worker: Int)
    case left(worker: Int)
  }

  /// Something worth telling, such as who was refused and why.
  package struct Note: Hashable, Sendable, Codable {
    /// The round that was going on.
    package let round: Int
    /// The worker; nil for a stranger.
    package let worker: Int?
    /// A sentence without a full stop.
    package let text: String
  }

  private let connections: Connections
  private let token: String
  private let settings: FederationSettings
  private let context: String
  private var peers: [Int: PeerID] = [:]
  private var workers: [PeerID: Int] = [:]
  private var strangers: [PeerID: Date] = [:]
  /// Where each worker can be reached by others.
  package private(set) var addresses: [Int: Address] = [:]
  /// What happened that was not asked for, at most ``largestNoteCount``.
  package private(set) var notes: [Note] = []
  /// The round that is going on.
  package var round = 0
  /// Bytes that came in and went out since they were last set to 0.
  package var traffic = (received: 0, sent: 0)

  /// Seconds that a stranger has to show the token.
  static let patience = 10.0
  static let largestNoteCount = 10_000

  /// - Parameters:
  ///   - token: a secret that workers must know.
  ///   - context: handed to each worker.
  package init(
    _ connections: Connections, token: String, settings: FederationSettings, context: String
  ) {
    self.connections = connections
    self.token = token
    self.settings = settings
    self.context = context
  }

  /// The workers that are connected, ascending.
  package var present: [Int] { peers.keys.sorted() }

  /// The connection of a worker; another one where it came back.
  func connection(of worker: Int) -> PeerID? { peers[worker] }

  /// Sends a message to a worker.
  package func send(_ frame: Frame, to worker: Int) {
    guard let peer = peers[worker] else { return }
    traffic.sent += frame.body.count + Frame.headerSize
    connections.send(frame, to: peer)
  }

  /// The next thing that a worker does; nil where nothing happens before the deadline.
  package func next(before deadline: Date) -> Happening? {
    while true {
      showOutTheSilent()
      let until = min(deadline, strangers.values.min() ?? deadline)
      guard let event = connections.next(before: until) else {
        if Date() >= deadline { return nil }
        continue
      }
      if let happening = take(event) { return happening }
    }
  }

  private func take(_ event: PeerEvent) -> Happening? {
    switch event {
    case .joined(let peer):
      strangers[peer] = Date(timeIntervalSinceNow: Roster.patience)
    case .left(let peer, let reason):
      strangers[peer] = nil
      guard let worker = workers.removeValue(forKey: peer) else {
        if let reason { note(nil, "a stranger was refused: \(reason.message)") }
        return nil
      }
      if let reason { note(worker, "was refused: \(reason.message)") }
      guard peers[worker] == peer else { return nil }
      peers[worker] = nil
      return .left(worker: worker)
    case .message(let peer, let frame):
      if let worker = workers[peer] {
        traffic.received += frame.body.count + Frame.headerSize
        return .message(worker: worker, frame)
      }
      do {
        return .joined(worker: try letIn(peer, frame))
      } catch {
        strangers[peer] = nil
        note(nil, "a stranger was refused: \(error.message)")
        connections.close(peer, saying: error.message)
      }
    }
    return nil
  }

  private func letIn(_ peer: PeerID, _ frame: Frame) throws(FederationError) -> Int {
    guard strangers[peer] != nil, frame.kind == .hello else {
      throw FederationError("introduce yourself first", .refused)
    }
    let greeting = try Invitation.Greeting(try TensorBody(frame.body))
    guard Roster.isSame(greeting.token, token) else {
      throw FederationError(
        "the token is not that of this federation; copy the one that the server printed", .refused)
    }
    let free = (0..<settings.workers).filter { peers[$0] == nil }
    guard let worker = greeting.worker ?? free.first, free.contains(worker) else {
      throw FederationError(
        greeting.worker.map { "there is a worker \($0 + 1) already, or no place for one" }
          ?? "all \(settings.workers) places are taken", .refused)
    }
    strangers[peer] = nil
    peers[worker] = peer
    workers[peer] = worker
    addresses[worker] = greeting.address
    connections.trust(peer)
    let welcome = Invitation.Welcome(worker: worker, settings: settings, context: context)
    connections.send(Frame(.welcome, body: try welcome.body.bytes), to: peer)
    return worker
  }

  /// Compares in a time that does not depend on where they differ.
  static func isSame(_ first: String, _ second: String) -> Bool {
    let (first, second) = (Array(first.utf8), Array(second.utf8))
    guard first.count == second.count else { return false }
    return zip(first, second).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private func showOutTheSilent() {
    let now = Date()
    for (peer, deadline) in strangers where deadline <= now {
      strangers[peer] = nil
      note(nil, "a stranger said nothing for \(Int(Roster.patience)) seconds")
      connections.close(peer, saying: "you said nothing for \(Int(Roster.patience)) seconds")
    }
  }

  /// Ends a worker's part for breaking a rule.
  package func refuse(_ worker: Int, _ error: FederationError) {
    note(worker, "was refused: \(error.message)")
    guard let peer = peers.removeValue(forKey: worker) else { return }
    workers[peer] = nil
    connections.close(peer, saying: error.message)
  }

  /// Keeps something to tell.
  package func note(_ worker: Int?, _ text: String) {
    guard notes.count < Roster.largestNoteCount else { return }
    notes.append(Note(round: round, worker: worker, text: text))
  }

  /// Waits until all of these workers are connected.
  ///
  /// - Returns: those that are not by then.
  package func wait(for wanted: [Int], before deadline: Date) -> [Int] {
    func missing() -> [Int] { wanted.filter { peers[$0] == nil } }
    while !missing().isEmpty {
      guard let happening = next(before: deadline) else { break }
      if case .message(let worker, let frame) = happening {
        note(worker, "sent a \(frame.kind) that nobody waits for")
      }
    }
    return missing()
  }

  /// Tells every worker that the training is over.
  package func dismiss() {
    for worker in present { send(Frame(.done), to: worker) }
  }
}
