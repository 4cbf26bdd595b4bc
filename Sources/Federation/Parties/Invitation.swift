import Foundation
import ModelIO

/// How a worker asks to take part, and how a server takes it in.
package enum Invitation {
  /// A worker's first message.
  package struct Greeting: Sendable {
    /// The secret of the federation, which who started it hands out.
    package var token: String
    /// The number that the worker wants, from 0; nil for any that is free.
    package var worker: Int?
    /// Where it can be reached by its neighbours in a ring.
    package var address: Address

    package init(token: String, worker: Int?, address: Address) {
      self.token = token
      self.worker = worker
      self.address = address
    }

    var body: TensorBody {
      TensorBody(words: [
        "token": token, "worker": worker.map(String.init) ?? "", "host": address.host,
        "port": String(address.port),
      ])
    }

    init(_ body: TensorBody) throws(FederationError) {
      token = body.words["token"] ?? ""
      worker =
        body.words["worker"]?.isEmpty == false
        ? try body.number("worker", in: 0...999) : nil
      address = Address(
        host: String((body.words["host"] ?? "").prefix(255)),
        port: try body.number("port", in: 0...65535))
    }
  }

  /// The answer to one who may take part.
  package struct Welcome: Sendable {
    /// The number that the worker has from now on.
    package var worker: Int
    /// Of the federation.
    package var settings: FederationSettings
    /// What the program tells its workers besides, such as model and data.
    package var context: String

    var body: TensorBody {
      get throws(FederationError) {
        guard let json = try? JSONEncoder().encode(settings) else {
          throw FederationError("the settings cannot be written", .badInput)
        }
        return TensorBody(words: [
          "worker": String(worker), "settings": String(decoding: json, as: UTF8.self),
          "context": context,
        ])
      }
    }

    init(worker: Int, settings: FederationSettings, context: String) {
      self.worker = worker
      self.settings = settings
      self.context = context
    }

    init(_ body: TensorBody) throws(FederationError) {
      let json = Data((body.words["settings"] ?? "").utf8)
      guard let settings = try? JSONDecoder().decode(FederationSettings.self, from: json) else {
        throw FederationError(
          "the server's settings cannot be read; run the same version of gradleak on both sides",
          .refused)
      }
      try settings.check()
      self.settings = settings
      worker = try body.number("worker", in: 0...settings.workers - 1)
      context = body.words["context"] ?? ""
    }
  }
}

/// Where a party can be reached.
package struct Address: Hashable, Sendable, CustomStringConvertible {
  package var host: String
  package var port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads "HOST:PORT".
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65535).contains(port), colon > text.startIndex
    else { return nil }
    self.init(host: String(text[..<colon]), port: port)
  }

  /// Such as "127.0.0.1:4711".
  package var description: String { "\(host):\(port)" }
}
