import Foundation

/// Events of many connections in the order of their coming, for one reader that may wait.
final class EventQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private var events: [PeerEvent] = []
  private var bytes: [PeerID: Int] = [:]

  /// Bytes that may wait from one peer before it counts as flooding.
  private let limit: Int

  /// - Parameter limit: bytes that may wait from one peer.
  init(limit: Int) {
    self.limit = limit
  }

  /// Adds an event.
  ///
  /// - Returns: whether it was taken: false for a message of a peer of which too much waits already.
  func append(_ event: PeerEvent) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    if case .message(let peer, let frame) = event {
      let waiting = bytes[peer, default: 0] + frame.body.count + Frame.headerSize
      guard waiting <= limit else { return false }
      bytes[peer] = waiting
    }
    events.append(event)
    condition.signal()
    return true
  }

  /// The oldest event; nil where none comes before the deadline.
  func next(before deadline: Date) -> PeerEvent? {
    condition.lock()
    defer { condition.unlock() }
    while events.isEmpty {
      guard condition.wait(until: deadline) else { break }
    }
    guard !events.isEmpty else { return nil }
    let event = events.removeFirst()
    switch event {
    case .message(let peer, let frame):
      bytes[peer, default: 0] -= frame.body.count + Frame.headerSize
    case .left(let peer, _): bytes[peer] = nil
    case .joined: break
    }
    return event
  }
}
