import Foundation
import ModelIO
import Solvers
import TensorGraph

@testable import Federation

/// A bare connection to this machine, over which anything can be sent.
final class RawConnection {
  private let descriptor: Int32

  init?(port: Int) {
    #if canImport(Glibc)
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else {
      Foundation.close(descriptor)
      return nil
    }
  }

  func send(_ bytes: [UInt8]) {
    #if canImport(Glibc)
      _ = Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    #else
      _ = Foundation.send(descriptor, bytes, bytes.count, 0)
    #endif
  }

  func close() { Foundation.close(descriptor) }
}

/// Messages that no honest party sends.
enum HostileMessage {
  static func random(token: String, using source: inout RandomSource) -> [UInt8] {
    switch source.integer(below: 6) {
    case 0:
      return (0..<source.integer(below: 400)).map { _ in UInt8(source.integer(below: 256)) }
    case 1:
      // A length that nobody may announce.
      var bytes = Frame(.update, round: 1).bytes
      for index in 20..<24 { bytes[index] = 0xFF }
      return bytes
    case 2:
      // A greeting with a token that is none, whole or cut off.
      let greeting = Invitation.Greeting(
        token: String(token.dropLast()), worker: source.integer(below: 5),
        address: Address(host: "x", port: 1))
      let bytes = Frame(.hello, body: (try? greeting.body.bytes) ?? []).bytes
      return Array(bytes.prefix(source.integer(below: bytes.count + 1)))
    case 3:
      let kinds = Frame.Kind.allCases
      return Frame(
        kinds[source.integer(below: kinds.count)], round: source.integer(below: 5),
        step: source.integer(below: 9), sender: source.integer(below: 9),
        body: (0..<source.integer(below: 90)).map { _ in UInt8(source.integer(below: 256)) }
      ).bytes
    case 4:
      var bytes = Frame(.hello, body: Array("{}".utf8)).bytes
      bytes[source.integer(below: bytes.count)] = UInt8(source.integer(below: 256))
      return bytes
    default: return Array(Frame(.masked).bytes.prefix(source.integer(below: 24)))
    }
  }
}

/// A worker that knows the token, and damages every message that it sends.
struct HostileWorker {
  private let scene: TestScene
  private let worker: Int
  private let port: Int

  init(_ scene: TestScene, _ worker: Int, _ port: Int) {
    self.scene = scene
    self.worker = worker
    self.port = port
  }

  /// Joins again and again until nobody lets it in.
  func run() {
    var source = RandomSource(seed: 99)
    for _ in 0..<200 {
      guard
        let (connections, server, _) = try? Worker.join(
          Address(host: "127.0.0.1", port: port), token: scene.token, worker: worker,
          listeningHost: "127.0.0.1", largestBody: 1 << 22)
      else { return }
      defer { connections.shutDown() }
      answer(connections, server, &source)
    }
  }

  private func answer(
    _ connections: Connections, _ server: PeerID, _ source: inout RandomSource
  ) {
    while let event = connections.next(before: Date(timeIntervalSinceNow: 10)) {
      switch event {
      case .message(_, let frame) where frame.kind == .done: return
      case .message(_, let frame) where frame.kind == .round || frame.kind == .masked:
        let kinds: [Frame.Kind] = [.update, .report, .masked, .chunk, .round]
        var body = frame.body
        if !body.isEmpty {
          body[source.integer(below: body.count)] ^= 1 << UInt8(source.integer(below: 8))
        }
        body = Array(body.prefix(source.integer(below: body.count + 1)))
        connections.send(
          Frame(
            kinds[source.integer(below: kinds.count)],
            round: max(0, frame.round + source.integer(below: 3) - 1),
            step: source.integer(below: 5), sender: source.integer(below: 6), body: body),
          to: server)
      case .left: return
      default: break
      }
    }
  }
}
