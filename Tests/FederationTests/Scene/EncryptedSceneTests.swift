import Foundation
import TensorGraph
import Testing

@testable import Federation

@Suite struct EncryptedSceneTests {
  private func settings(_ change: (inout FederationSettings) -> Void) -> FederationSettings {
    var settings = FederationSettings()
    settings.workers = 4
    settings.rounds = 3
    settings.batchSize = 5
    settings.timeout = 60
    settings.seed = 3
    settings.protection = .ckks
    change(&settings)
    return settings
  }

  /// The largest difference of two lists of tensors.
  private func distance(_ first: [Tensor], _ second: [Tensor]) -> Double {
    zip(first, second).reduce(0) { most, pair in
      max(most, zip(pair.0.doubles, pair.1.doubles).map { abs($0 - $1) }.max() ?? 0)
    }
  }

  @Test(arguments: [nil, 2])
  func theWeightsAreThoseOfOneProcessUpToTheError(epochs: Int?) throws {
    let scene = try TestScene(
      settings {
        $0.epochs = epochs
        $0.tapped = [1]
      })
    let result = try scene.run()
    #expect(result.failure == nil)
    #expect(result.errors == [])
    #expect(result.notes == [])
    let alone = try scene.alone()
    #expect(distance(result.weights, alone) < 1e-6)
    #expect(distance(result.weights, scene.initial) > 1e-3)
    #expect(result.outcomes.allSatisfy { $0.members == [0, 1, 2, 3] && $0.mean.isEmpty })
    // The server saw nothing; another worker, the mean of all others.
    let tap = try #require(result.outcomes[1].tap)
    #expect(tap.inClear == [])
    let seen = tap.observations(scene.settings, scene.vector, victims: [0, 1], spy: 3)
    #expect(seen.map(\.observer) == [.worker])
    #expect(seen[0].workers == [0, 1, 2])
  }

  @Test func paillierRepeatsItsWeights() throws {
    let scene = try TestScene(
      settings {
        $0.protection = .paillier
        $0.workers = 2
        $0.rounds = 2
      })
    let result = try scene.run()
    #expect(result.failure == nil)
    #expect(result.errors == [])
    #expect(distance(result.weights, try scene.alone()) < 1e-6)
    // Its sums are exact, so that another key gives the same.
    #expect(try scene.run().weights == result.weights)
  }

  @Test func whoDropsOutComesBackWithItsKeysAndWeights() throws {
    let scene = try TestScene(
      settings {
        $0.rounds = 6
        $0.dropout = 0.4
      })
    let result = try scene.run()
    #expect(result.failure == nil)
    #expect(result.errors == [])
    #expect(Set(result.outcomes.map(\.members)).count > 1)
    #expect(distance(result.weights, try scene.alone()) < 1e-6)
  }

  @Test func whoSendsWrongBytesIsRefusedAndTheRoundGoesOn() throws {
    let scene = try TestScene(settings { $0.rounds = 2 })
    let result = try scene.run(rogues: [
      3: { frame in
        if frame.kind == .round {
          return [Frame(.update, round: frame.round, body: [UInt8](repeating: 7, count: 300_000))]
        }
        guard frame.step == EncryptedStep.ask.rawValue, frame.kind == .encrypted else { return [] }
        let step = EncryptedStep.introduction.rawValue
        return [
          Frame(
            .encrypted, round: frame.round, step: step, body: WorkerMemory().introduction.bytes)
        ]
      }
    ])
    #expect(result.failure == nil)
    #expect(result.outcomes.map(\.members) == [[0, 1, 2], [0, 1, 2]])
    #expect(result.outcomes[0].missing == [3])
    #expect(result.notes.count == 1)
    #expect(result.notes[0].worker == 3)
    #expect(result.notes[0].text.hasPrefix("was refused: "))
    var weights = scene.initial
    let trainers = (0..<3).map(scene.trainer)
    for round in 0..<2 {
      let shares = try trainers.enumerated().map { number, trainer in
        let share = try trainer.share(worker: number, round: round, weights: weights)
        return (share.tensors, share.examples.count)
      }
      weights = scene.vector.next(weights, mean: scene.vector.mean(shares), scene.settings)
    }
    #expect(distance(result.weights, weights) < 1e-6)
  }

  @Test func aLatecomerGetsKeysAndWeights() throws {
    let scene = try TestScene(settings { _ in })
    // Worker 1, who would make the keys, is a stranger to the protocol; another takes its place.
    let result = try scene.run(rogues: [0: { [Frame(.encrypted, round: $0.round, step: 1)] }]) {
      round, roster, port in
      guard round == 2 else { return }
      Thread.detachNewThread { _ = try? scene.takePart(0, port, WorkerMemory()) }
      #expect(roster.wait(for: [0], before: Date(timeIntervalSinceNow: 20)) == [])
    }
    #expect(result.failure == nil)
    #expect(result.outcomes.map(\.members) == [[1, 2, 3], [1, 2, 3], [0, 1, 2, 3]])
    #expect(result.notes.count == 1)
  }

  @Test func oneWorkersKeyOpensEveryShare() throws {
    let scene = try TestScene(settings { $0.tapped = [0, 1] })
    let result = try scene.run(adversary: .colluders)
    #expect(distance(result.weights, try scene.alone()) < 1e-6)
    let tap = try #require(result.outcomes[1].tap)
    let seen = tap.observations(
      scene.settings, scene.vector, victims: [0, 2], spy: 3, adversary: .colluders)
    #expect(seen.map(\.observer) == [.keyHolder, .keyHolder, .worker])
    #expect(seen[1].workers == [2])
    let share = try scene.trainer(2).share(worker: 2, round: 1, weights: tap.before)
    #expect(distance(seen[1].tensors, share.tensors) < 1e-6)
    #expect(throws: FederationError.self) { try Adversary.differencing.check(scene.settings) }
  }

  @Test func layersInTheClearAreSeen() throws {
    let name = try TestScene(settings { _ in }).vector.types[0].name
    let scene = try TestScene(
      settings {
        $0.encryptOnly = [name]
        $0.tapped = [0]
      })
    let result = try scene.run()
    #expect(result.errors == [])
    #expect(distance(result.weights, try scene.alone()) < 1e-6)
    let tap = try #require(result.outcomes[0].tap)
    let seen = try #require(
      tap.observations(scene.settings, scene.vector, victims: [1], spy: 3).first)
    #expect(seen.observer == .server)
    let parts = try #require(seen.seen).map { Set($0.doubles) }
    #expect(parts == [[0]] + [Set<Double>](repeating: [1], count: parts.count - 1))
    let share = try #require(tap.shares[1])
    #expect(seen.tensors.dropFirst().elementsEqual(share.dropFirst()))
    #expect(seen.tensors[0].doubles.allSatisfy { $0 == 0 })
  }

  /// A server by hand, which keeps all that it receives.
  @Test func theServerReceivesNoShareAndNoSecretKey() throws {
    let scene = try TestScene(settings { $0.workers = 2 })
    let connections = Connections(largestBody: 1 << 22)
    defer { connections.shutDown() }
    let port = try connections.listen(host: "127.0.0.1", port: 0)
    nonisolated(unsafe) let memory = WorkerMemory()
    let group = DispatchGroup()
    group.enter()
    Thread.detachNewThread {
      defer { group.leave() }
      _ = try? scene.takePart(0, port, memory)
    }
    let other = WorkerMemory()
    var received: [Frame] = []
    func next(_ peer: inout PeerID?) throws -> Frame {
      while let event = connections.next(before: Date(timeIntervalSinceNow: 60)) {
        guard case .message(let from, let frame) = event else { continue }
        peer = from
        received.append(frame)
        return frame
      }
      throw FederationError("no answer", .gone)
    }
    var peer: PeerID?
    _ = try next(&peer)
    let worker = try #require(peer)
    connections.trust(worker)
    let welcome = Invitation.Welcome(worker: 0, settings: scene.settings, context: "")
    connections.send(Frame(.welcome, body: try welcome.body.bytes), to: worker)
    let request = KeyRequest.bytes([KeyRequest(worker: 1, agreementKey: other.publicKey)])
    for (step, body) in [
      (EncryptedStep.ask, []), (.keyRequest, request),
      (.weights, try TensorBody(scene.vector.named(scene.initial)).bytes),
    ] { connections.send(Frame(.encrypted, step: step.rawValue, body: body), to: worker) }
    connections.send(Frame(.round), to: worker)
    let introduction = try Introduction(try next(&peer).body)
    let sealed = try SealedKeys(try next(&peer).body, recipients: [1])
    let update = try next(&peer)
    #expect(update.kind == .update)
    _ = try next(&peer)
    connections.send(Frame(.done), to: worker)
    group.wait()

    let keys = try #require(memory.keys)
    #expect(keys.holdsSecretKey)
    let publicKeys = try EncryptionScheme.ckks.keys(bytes: sealed.publicKey)
    #expect(!publicKeys.holdsSecretKey)
    let secret = Data(keys.bytes.dropFirst(sealed.publicKey.count))
    let share = scene.vector.flat(
      try scene.trainer(0).share(worker: 0, round: 0, weights: scene.initial).tensors)
    let plain = share.prefix(4).withUnsafeBytes { Data($0) }
    for frame in received where frame.kind != .report {
      let body = Data(frame.body)
      #expect(body.range(of: plain) == nil)
      #expect(body.range(of: secret.prefix(16)) == nil)
    }
    let layers = EncryptedLayers(scene.settings, scene.vector)
    let opened = try EncryptedShare(update.body, layers, keys).mean(layers, keys)
    #expect(distance(opened, scene.vector.tensors(share)) < 1e-6)
    #expect(throws: FederationError.self) {
      try EncryptedShare(update.body, layers, publicKeys).mean(layers, publicKeys)
    }

    // Sealed for worker 2 by worker 1, and for nobody else.
    let parties = SealedKeys.Parties(
      seed: 3, round: 0, maker: 0, makerKey: introduction.agreementKey, recipient: 1,
      recipientKey: other.publicKey)
    let box = try #require(sealed.boxes[1])
    let handed = try SealedKeys.open(
      box, pair: sealed.pair, own: other.agreementKey, parties, .ckks)
    #expect(handed.bytes == keys.bytes)
    let stranger = WorkerMemory()
    #expect(throws: FederationError.self) {
      try SealedKeys.open(box, pair: sealed.pair, own: stranger.agreementKey, parties, .ckks)
    }
  }

  @Test func whatCannotBeEncryptedIsRefused() throws {
    let heavy = settings {
      $0.protection = .paillier
      $0.workers = 100
      $0.batchSize = 600
    }
    #expect(throws: FederationError.self) { try heavy.check() }
    let vector = try TestScene(settings { _ in }).vector
    let unknown = settings { $0.encryptOnly = ["nowhere"] }
    try unknown.check()
    #expect(throws: FederationError.self) { try unknown.check(vector) }
    let clear = settings {
      $0.encryptOnly = ["nowhere"]
      $0.protection = .none
    }
    #expect(throws: FederationError.self) { try clear.check() }
  }
}
