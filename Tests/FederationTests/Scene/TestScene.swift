import CPUBackend
import Clients
import Foundation
import Solvers
import Synchronization
import TensorGraph

@testable import Federation

/// A federation in one process: workers are threads, which talk over loopback as processes do.
final class TestScene: Sendable {
  let settings: FederationSettings
  let weighted: WeightedModel
  let vector: ParameterVector
  let data: PictureSource
  let token = "a token for tests"

  init(_ settings: FederationSettings, width: Int = 3) throws {
    self.settings = settings
    let model = try ModelCatalog.architecture(named: "lenet").model(
      ModelOptions(
        inputShape: [1, 12, 12], classCount: 4, activation: nil, width: width, depth: nil,
        pooling: nil)
    )
    weighted = WeightedModel(untrained: model, seed: settings.seed)
    vector = ParameterVector(model)
    var source = RandomSource(seed: 5)
    let count = 40 * settings.workers
    let pixels = (0..<count).map { _ in (0..<144).map { _ in Float(source.uniform()) } }
    data = PictureSource(shape: model.inputShape, labels: (0..<count).map { $0 % 4 }) { pixels[$0] }
  }

  static func backend() -> any Backend { CPUBackend(CPUBackend.Options(threadCount: 1)) }

  var initial: [Tensor] { weighted.parameters.map { $0.converted(to: .f32) } }

  func trainer(_ worker: Int) -> LocalTrainer {
    let shard = data.shard(worker, of: settings.workers, .equal, seed: settings.seed)
    return LocalTrainer(weighted, settings, shard: data.part(shard), backend: TestScene.backend())
  }

  /// What ended each worker: an error's words, or nil.
  struct Result {
    var outcomes: [RoundOutcome] = []
    var weights: [Tensor] = []
    var errors: [String] = []
    var notes: [Roster.Note] = []
    var failure: FederationError?
  }

  /// Runs all rounds.
  ///
  /// - Parameters:
  ///   - adversary: what the server does in tapped rounds.
  ///   - plant: of an adversary that plants weights.
  ///   - hostile: a worker that sends damaged messages; nil for none.
  ///   - rogues: workers that answer messages in their own way; `done` ends one, and an honest one takes its place.
  ///   - before: called before each round with its number and the server's port.
  func run(
    rogues: [Int: @Sendable (Frame) -> [Frame]] = [:], adversary: Adversary = .none,
    hostile: Int? = nil, before: (Int, Roster, Int) -> Void = { _, _, _ in },
    plant: ParameterServer.Planting? = nil
  ) throws -> Result {
    let connections = Connections(largestBody: 1 << 22)
    defer { connections.shutDown() }
    let port = try connections.listen(host: "127.0.0.1", port: 0)
    let roster = Roster(connections, token: token, settings: settings, context: "")
    let errors = Mutex<[String]>([])
    let group = DispatchGroup()
    for worker in 0..<settings.workers {
      group.enter()
      Thread.detachNewThread { [self] in
        defer { group.leave() }
        if worker == hostile { return HostileWorker(self, worker, port).run() }
        do {
          if let rogue = rogues[worker] { return try self.rogue(worker, port, rogue) }
          let memory = WorkerMemory()
          while try takePart(worker, port, memory) == .droppedOut {}
        } catch {
          errors.withLock { $0.append("\(error)") }
        }
      }
    }
    var result = Result()
    let missing = roster.wait(
      for: Array(0..<settings.workers), before: Date(timeIntervalSinceNow: 20))
    precondition(missing.isEmpty, "workers \(missing) did not come")
    let server = try ParameterServer(
      settings, vector, weights: initial, roster, adversary: adversary,
      deadWeights: weighted.model.deadWeights(), plant: plant)
    let ring = RingCoordinator(settings, vector, weights: initial, roster)
    do throws(FederationError) {
      for round in 0..<settings.rounds {
        before(round, roster, port)
        result.outcomes.append(
          settings.topology == .ring ? try ring.round(round) : try server.round(round))
      }
    } catch {
      result.failure = error
    }
    roster.dismiss()
    connections.shutDown()
    group.wait()
    result.weights = settings.topology == .ring ? ring.weights : server.weights
    result.errors = errors.withLock { $0 }
    result.notes = roster.notes
    return result
  }

  private func rogue(
    _ worker: Int, _ port: Int, _ answer: (Frame) -> [Frame]
  ) throws {
    let (connections, peer, welcome) = try Worker.join(
      Address(host: "127.0.0.1", port: port), token: token, worker: worker,
      listeningHost: "127.0.0.1", largestBody: 1 << 22)
    defer { connections.shutDown() }
    while let event = connections.next(before: Date(timeIntervalSinceNow: 60)) {
      switch event {
      case .left: return
      case .message(_, let frame):
        if frame.kind == .done || frame.kind == .refusal { return }
        for var frame in answer(frame) {
          if frame.kind == .done {
            // It ends in the middle, and another one comes in its place.
            connections.shutDown()
            while try takePart(worker, port, WorkerMemory()) == .droppedOut {}
            return
          }
          frame.sender = welcome.worker
          connections.send(frame, to: peer)
        }
      case .joined: break
      }
    }
  }

  func takePart(
    _ worker: Int, _ port: Int, _ memory: WorkerMemory
  ) throws -> Worker.End {
    let (connections, peer, welcome) = try Worker.join(
      Address(host: "127.0.0.1", port: port), token: token, worker: worker,
      listeningHost: "127.0.0.1", largestBody: 1 << 22)
    let trainer = trainer(welcome.worker)
    return settings.topology == .ring
      ? try RingWorker(connections, peer, welcome, token: token, trainer, vector).run()
      : try Worker(connections, peer, welcome, trainer, vector, memory: memory).run()
  }

  /// The weights that one process comes to, without any wire.
  func alone() throws -> [Tensor] {
    var weights = initial
    let trainers = (0..<settings.workers).map(trainer)
    for round in 0..<settings.rounds {
      let plan = RoundPlan(settings, round: round)
      let shares = try trainers.enumerated().filter { !plan.dropsOut($0.offset) }.map {
        let share = try $0.element.share(worker: $0.offset, round: round, weights: weights)
        return (share.tensors, share.examples.count)
      }
      weights = vector.next(weights, mean: vector.mean(shares), settings)
    }
    return weights
  }
}
