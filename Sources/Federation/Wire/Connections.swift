import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A party's connections to others, over TCP: messages go out as they are sent, what comes in waits to be read.
///
/// One thread reads events; others may send. The only file that knows SwiftNIO, beside its decoder.
package final class Connections: Sendable {
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let events: EventQueue
  private let peers = Mutex<[PeerID: Peer]>([:])
  private let count = Atomic<Int>(0)
  private let isClosed = Atomic<Bool>(false)
  private let largestBody: Int

  fileprivate struct Peer {
    let channel: any Channel
    let limit: ByteLimit
  }

  /// Strangers and members together, beyond which nobody is let in.
  package static let largestCount = 2048

  /// - Parameter largestBody: of a message from a party that is known, in bytes.
  package init(largestBody: Int) {
    self.largestBody = largestBody
    events = EventQueue(limit: 4 * largestBody + (1 << 20))
  }

  // MARK: - Connecting

  /// Lets others connect.
  ///
  /// - Parameters:
  ///   - host: an address of this machine, such as 127.0.0.1.
  ///   - port: 0 for one that is free.
  /// - Returns: the port.
  /// - Throws: ``FederationError`` when the address cannot be used.
  package func listen(host: String, port: Int) throws(FederationError) -> Int {
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try self.prepare(channel, limit: ByteLimit.ofStrangers)
        }
      }
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
    do {
      let channel = try bootstrap.bind(host: host, port: port).wait()
      guard let port = channel.localAddress?.port else {
        throw FederationError("\(host) is no address with ports", .badInput)
      }
      return port
    } catch let error as FederationError {
      throw error
    } catch {
      throw FederationError(
        "nobody can be let in at \(host):\(port): \(Connections.words(for: error)); give another address or port",
        .badInput)
    }
  }

  /// Connects to another party, which may send large messages at once.
  ///
  /// - Throws: ``FederationError`` of kind `gone` when nobody is there.
  package func connect(
    host: String, port: Int, seconds: Double = 10
  ) throws(FederationError) -> PeerID {
    let bootstrap = ClientBootstrap(group: group)
      .connectTimeout(.milliseconds(Int64(seconds * 1000)))
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      .channelInitializer { [largestBody] channel in
        channel.eventLoop.makeCompletedFuture { try self.prepare(channel, limit: largestBody) }
      }
    do {
      let channel = try bootstrap.connect(host: host, port: port).wait()
      let peer = try channel.pipeline.handler(type: PeerHandler.self).map(\.peer).wait()
      return peer
    } catch {
      throw FederationError(
        "nobody answers at \(host):\(port): \(Connections.words(for: error)); start the server first",
        .gone)
    }
  }

  private func prepare(_ channel: any Channel, limit: Int) throws {
    let limit = ByteLimit(limit)
    let peer = PeerID(number: count.wrappingAdd(1, ordering: .relaxed).newValue)
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(ByteToMessageHandler(FrameDecoder(limit: limit)))
    try pipeline.addHandler(PeerHandler(peer, self))
    peers.withLock { $0[peer] = Peer(channel: channel, limit: limit) }
  }

  private static func words(for error: any Error) -> String {
    if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
    if let error = error as? NIOConnectionError {
      return error.connectionErrors.first.map { words(for: $0.error) } ?? "no such host"
    }
    if let error = error as? ChannelError, case .connectTimeout = error {
      return "no answer in time"
    }
    return "\(error)"
  }

  // MARK: - Sending and reading

  /// Lets a party that is known send messages of full length.
  package func trust(_ peer: PeerID) {
    peers.withLock { $0[peer]?.limit.value = largestBody }
  }

  /// Sends a message; to a party that is gone it goes nowhere.
  package func send(_ frame: Frame, to peer: PeerID) {
    guard let channel = peers.withLock({ $0[peer]?.channel }) else { return }
    channel.writeAndFlush(ByteBuffer(bytes: frame.bytes), promise: nil)
  }

  /// The next event; nil when none comes before the deadline.
  package func next(before deadline: Date) -> PeerEvent? { events.next(before: deadline) }

  /// Ends a connection once what was sent is out.
  ///
  /// - Parameter reason: told to the other side before; nil for none.
  package func close(_ peer: PeerID, saying reason: String? = nil) {
    guard let channel = peers.withLock({ $0[peer]?.channel }) else { return }
    if let reason {
      let frame = Frame(.refusal, body: Array(reason.utf8.prefix(1000)))
      channel.writeAndFlush(ByteBuffer(bytes: frame.bytes)).whenComplete { _ in
        channel.close(promise: nil)
      }
    } else {
      // Behind what waits to be written.
      channel.write(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
      channel.flush()
    }
  }

  /// Ends all connections and lets nobody in; what was sent before is written out first, for a second at most.
  package func shutDown() {
    guard !isClosed.exchange(true, ordering: .relaxed) else { return }
    let channels = peers.withLock { $0.values.map(\.channel) }
    let closed = channels.map { channel in
      channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
      return channel.closeFuture
    }
    let done = DispatchSemaphore(value: 0)
    EventLoopFuture.andAllComplete(closed, on: group.next()).whenComplete { _ in done.signal() }
    _ = done.wait(timeout: .now() + 1)
    try? group.syncShutdownGracefully()
  }

  // MARK: - Events

  fileprivate func add(_ event: PeerEvent) -> Bool { events.append(event) }

  fileprivate func joined(_ peer: PeerID) -> Bool {
    guard peers.withLock({ $0.count }) <= Connections.largestCount else { return false }
    return events.append(.joined(peer))
  }

  fileprivate func left(_ peer: PeerID, _ reason: FederationError?) {
    guard peers.withLock({ $0.removeValue(forKey: peer) }) != nil else { return }
    _ = events.append(.left(peer, reason))
  }
}

/// Hands a connection's messages on.
private final class PeerHandler: ChannelInboundHandler, Sendable {
  typealias InboundIn = Frame

  let peer: PeerID
  private let connections: Connections

  init(_ peer: PeerID, _ connections: Connections) {
    self.peer = peer
    self.connections = connections
  }

  func channelActive(context: ChannelHandlerContext) {
    if !connections.joined(peer) { context.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard connections.add(.message(peer, unwrapInboundIn(data))) else {
      return end(
        context, FederationError("it sends more than it is asked for", .refused))
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(context, error as? FederationError)
  }

  func channelInactive(context: ChannelHandlerContext) {
    connections.left(peer, nil)
  }

  private func end(_ context: ChannelHandlerContext, _ reason: FederationError?) {
    connections.left(peer, reason)
    context.close(promise: nil)
  }
}
