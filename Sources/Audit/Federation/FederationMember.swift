import Clients
import Federation
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// A worker of a federation: takes its model and data from the server's plan, and takes part to the end.
package struct FederationMember {
  /// The server.
  package let server: Address
  /// The federation's secret.
  package let token: String
  /// The number that it wants, from 0; nil for any.
  package let worker: Int?
  /// Where neighbours in a ring reach it.
  package let host: String
  /// Private data of its own instead of its part of the plan's; nil for that.
  package let data: FederationData.Source?

  /// - Parameters: as the properties of these names.
  package init(
    server: Address, token: String, worker: Int? = nil, host: String = "127.0.0.1",
    data: FederationData.Source? = nil
  ) {
    self.server = server
    self.token = token
    self.worker = worker
    self.host = host
    self.data = data
  }

  /// Messages of a server that is not known yet are bounded by this, in bytes.
  private static let largestBody = 1 << 30

  /// Takes part until the training is over.
  ///
  /// - Parameters:
  ///   - observe: told what goes on.
  ///   - shouldStop: asked now and then.
  /// - Throws: ``FederationError`` when the server is not there, is gone or refuses the worker; as
  ///   ``FederationPlan/scene()``.
  package func run(
    backend: any Backend, observe: (String) -> Void = { _ in }, shouldStop: () -> Bool
  ) throws {
    var scene: (any FederationScene)?
    var wanted = worker
    let memory = WorkerMemory()
    while true {
      let (connections, peer, welcome) = try Worker.join(
        server, token: token, worker: wanted, listeningHost: host,
        largestBody: FederationMember.largestBody)
      wanted = welcome.worker
      do {
        let plan = try FederationPlan(text: welcome.context)
        let known = try scene ?? plan.read(backend: backend)
        scene = known
        observe("worker \(welcome.worker + 1) of \(welcome.settings.workers)")
        let shard =
          try data.map {
            try known.ownShard(
              FederationData($0), seed: welcome.settings.seed, backend: backend)
          } ?? known.shard(of: welcome.worker, plan, backend: backend)
        let trainer = LocalTrainer(welcome.settings, shard: shard)
        let end =
          welcome.settings.topology == .ring
          ? try RingWorker(connections, peer, welcome, token: token, trainer, known.vector)
            .run(shouldStop: shouldStop)
          : try Worker(connections, peer, welcome, trainer, known.vector, memory: memory)
            .run(shouldStop: shouldStop)
        if end == .done { return }
      } catch {
        connections.shutDown()
        throw error
      }
    }
  }
}
