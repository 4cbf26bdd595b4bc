import Foundation
import Solvers
import Synchronization
import TensorGraph
import Testing

@testable import Federation

@Suite struct SceneTests {
  private func settings(_ change: (inout FederationSettings) -> Void) -> FederationSettings {
    var settings = FederationSettings()
    settings.workers = 4
    settings.rounds = 3
    settings.batchSize = 5
    settings.timeout = 20
    settings.seed = 3
    change(&settings)
    return settings
  }

  @Test func aServersWeightsAreThoseOfOneProcess() throws {
    let scene = try TestScene(settings { $0.tapped = [1] })
    let result = try scene.run()
    #expect(result.failure == nil)
    #expect(result.errors == [])
    #expect(result.notes == [])
    #expect(result.weights == (try scene.alone()))
    #expect(result.outcomes.map(\.members) == [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]])
    let tap = try #require(result.outcomes[1].tap)
    #expect(tap.inClear == [0, 1, 2, 3])
    #expect(tap.batches[2]?.images?.shape == [5, 1, 12, 12])
    #expect(result.outcomes[0].tap == nil)
  }

  @Test func localStepsAreAveraged() throws {
    let scene = try TestScene(
      settings {
        $0.epochs = 2
        $0.miniBatch = 2
      })
    let result = try scene.run()
    #expect(result.weights == (try scene.alone()))
  }

  @Test func whoDropsOutComesBack() throws {
    let scene = try TestScene(
      settings {
        $0.rounds = 5
        $0.dropout = 0.4
      })
    let result = try scene.run()
    #expect(result.weights == (try scene.alone()))
    #expect(result.outcomes.contains { !$0.missing.isEmpty })
    #expect(Set(result.outcomes.map(\.members)).count > 1)
    #expect(result.errors == [])
  }

  @Test func aRingsSumIsThatOfOneProcessUpToItsOrder() throws {
    for workers in [2, 3, 5] {
      let scene = try TestScene(
        settings {
          $0.topology = .ring
          $0.workers = workers
          $0.tapped = [0]
        })
      let result = try scene.run()
      #expect(result.failure == nil)
      #expect(result.errors == [])
      let alone = try scene.alone()
      for (ring, one) in zip(result.weights, alone) {
        for (a, b) in zip(ring.doubles, one.doubles) { #expect(abs(a - b) < 1e-6) }
      }
      #expect(try scene.run().weights == result.weights)
      let hops = try #require(result.outcomes[0].tap?.hops[1])
      #expect(hops.count == 2 * (workers - 1))
      #expect(hops[0].summed == [0])
      // In the first hop the neighbour before sends a part of its own share, as it is but for its weight in the mean.
      let share = scene.vector.flat(try #require(result.outcomes[0].tap?.shares[0]))
      #expect(hops[0].values == hops[0].range.map { share[$0] * (1 / Float(workers)) })
    }
  }

  /// The largest difference of two lists of tensors where they were seen.
  private func distance(_ observation: Observation, _ share: [Tensor]) -> Double {
    var most = 0.0
    for (index, tensor) in observation.tensors.enumerated() {
      let seen = observation.seen?[index].doubles
      for (position, value) in tensor.doubles.enumerated() where seen?[position] != 0 {
        most = max(most, abs(value - share[index].doubles[position]))
      }
    }
    return most
  }

  /// Neighbours know each other before they send what strangers may not.
  @Test func aRingAddsPartsThatAreLargerThanStrangersMaySend() throws {
    let scene = try TestScene(
      settings {
        $0.topology = .ring
        $0.workers = 2
        $0.rounds = 2
        $0.timeout = 5
      }, width: 40)
    #expect(4 * scene.vector.count / 2 > 2 * ByteLimit.ofStrangers)
    let result = try scene.run()
    #expect(result.failure == nil)
    #expect(result.errors == [])
    #expect(result.outcomes.map(\.attempts) == [1, 1])
  }

  @Test func observersOfARingSeeWhatTheyCanCompute() throws {
    let scene = try TestScene(
      settings {
        $0.topology = .ring
        $0.workers = 4
        $0.rounds = 1
        $0.tapped = [0]
      })
    let tap = try #require(try scene.run().outcomes[0].tap)
    let observations = tap.observations(
      scene.settings, scene.vector, victims: [0, 2], spy: 3)
    #expect(
      observations.map(\.observer) == [
        .neighbour, .bothNeighbours, .neighbour, .bothNeighbours, .worker,
      ])
    for observation in observations.dropLast() {
      let share = try #require(tap.shares[observation.workers[0]])
      #expect(distance(observation, share) < 1e-6)
      #expect(
        abs(observation.seenShare - (observation.observer == .neighbour ? 0.25 : 1)) < 0.01)
    }
    // The change that the other three's mean gradient made to the weights.
    let others = scene.vector.mean(try [0, 1, 2].map { (try #require(tap.shares[$0]), 5) })
    let change = others.map { Tensor($0.shape, .f64($0.doubles.map { -0.1 * $0 })) }
    #expect(observations[4].kind == .difference)
    #expect(distance(observations[4], change) < 1e-6)
  }

  @Test func adversariesComeToOneWorkersShare() throws {
    for adversary in [Adversary.inconsistentModels, .colluders, .differencing] {
      for protection in [Protection.none, .secureAggregation] {
        let scene = try TestScene(
          settings {
            $0.protection = protection
            $0.rounds = 2
            $0.batchSize = 40
            $0.tapped = [0, 1]
          })
        let result = try scene.run(adversary: adversary)
        #expect(result.failure == nil)
        #expect(result.errors == [])
        let bias = scene.weighted.model.classifier?.bias
        for (round, outcome) in result.outcomes.enumerated() {
          let tap = try #require(outcome.tap)
          #expect(tap.victim == round)
          let seen = try #require(
            tap.observations(
              scene.settings, scene.vector, victims: [0], spy: 3, adversary: adversary
            ).first { $0.workers == [round] && $0.observer != .server })
          let share = try scene.trainer(round).share(
            worker: round, round: round, weights: tap.before)
          let step = protection == .none ? 1e-5 : 10 * (try scene.settings.quantizer().step)
          for (index, tensor) in seen.tensors.enumerated()
          where adversary != .inconsistentModels || index != bias {
            for (value, own) in zip(tensor.doubles, share.tensors[index].doubles) {
              #expect(abs(value - own) < step)
            }
          }
        }
      }
    }
  }

  /// All are sent what was planted, nobody's weights follow from it, and the sum is that of its gradients.
  @Test func plantedWeightsAreAnsweredByAll() throws {
    for protection in [Protection.none, .secureAggregation] {
      let scene = try TestScene(
        settings {
          $0.protection = protection
          $0.rounds = 2
          $0.tapped = [1]
        })
      let result = try scene.run(
        adversary: .trapWeights,
        plant: { weights in
          weights.map { Tensor($0.shape, .f32($0.doubles.map { Float($0 + 0.5) })) }
        })
      #expect(result.failure == nil)
      #expect(result.errors == [])
      let tap = try #require(result.outcomes[1].tap)
      for (planted, honest) in zip(tap.before, result.weights) {
        for (a, b) in zip(planted.doubles, honest.doubles) { #expect(abs(a - b - 0.5) < 1e-6) }
      }
      let seen = tap.observations(
        scene.settings, scene.vector, victims: [0], spy: 3, adversary: .trapWeights)
      #expect(
        seen.map(\.workers) == (protection == .none ? [[0], [0, 1, 2, 3]] : [[0, 1, 2, 3]]))
      #expect(seen.allSatisfy { $0.observer == .plantingServer })
      let shares = try (0..<4).map {
        try scene.trainer($0).share(worker: $0, round: 1, weights: tap.before)
      }
      let mean = scene.vector.mean(shares.map { ($0.tensors, $0.examples.count) })
      #expect(
        distance(seen[seen.count - 1], mean)
          < (protection == .none ? 1e-6 : 2 * (try scene.settings.quantizer().step)))
    }
  }

  @Test func aServerThatPlantsNeedsGradientsAndSomethingToPlant() throws {
    var settings = FederationSettings()
    settings.epochs = 1
    #expect(throws: FederationError.self) { try Adversary.robbingTheFed.check(settings) }
    let scene = try TestScene(self.settings { $0.rounds = 1 })
    let connections = Connections(largestBody: 1 << 20)
    defer { connections.shutDown() }
    let roster = Roster(connections, token: "", settings: scene.settings, context: "")
    #expect(throws: FederationError.self) {
      try ParameterServer(
        scene.settings, scene.vector, weights: scene.initial, roster, adversary: .trapWeights)
    }
  }

  /// A worker that is killed between its masked vector and its report is in the sum; who takes its place is not asked for
  /// what it does not have, and takes part in the next round.
  @Test func aWorkerThatIsReplacedWithinARoundEndsNoTraining() throws {
    let scene = try TestScene(
      settings {
        $0.protection = .secureAggregation
        $0.rounds = 3
        $0.tapped = [0]
      })
    let victim = 2
    let masked = Mutex<(client: SecureAggregationClient, input: [UInt32])?>(nil)
    let result = try scene.run(rogues: [
      victim: { frame in
        do {
          if frame.kind == .round {
            let body = try TensorBody(frame.body).tensors(of: scene.vector.types)
            let share = try scene.trainer(victim).share(
              worker: victim, round: frame.round, weights: body)
            var source = RandomSource(seed: 1)
            let input = try scene.settings.quantizer().words(
              for: scene.vector.flat(share.tensors).map(Double.init), weight: share.examples.count,
              using: &source)
            var client = try SecureAggregationClient(
              number: victim + 1,
              settings: try scene.settings.secureAggregation(valueCount: scene.vector.count),
              session: try scene.settings.session(round: frame.round, attempt: frame.attempt))
            let keys = try client.advertiseKeys().encoded()
            masked.withLock { $0 = (client, input) }
            return [Frame(.masked, round: frame.round, body: keys)]
          }
          guard frame.kind == .masked, let party = masked.withLock({ $0 }) else { return [] }
          let input = party.1
          var client = party.0
          let answer = try client.answer(encoded: frame.body, input: input)
          masked.withLock { $0 = (client, input) }
          let step = frame.step + 1
          let message = Frame(.masked, round: frame.round, step: step, body: answer)
          return step == SecureAggregationStep.maskedInput.place
            ? [message, Frame(.done)] : [message]
        } catch {
          return []
        }
      }
    ]) { _, roster, _ in
      _ = roster.wait(for: [victim], before: Date(timeIntervalSinceNow: 10))
    }
    #expect(result.failure == nil)
    #expect(result.errors == [])
    #expect(result.outcomes.map(\.members) == [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]])
    #expect(result.outcomes[0].tap == nil)
    #expect(result.notes.contains { $0.worker == victim && $0.text.contains("is in the sum") })
  }

  /// Who takes a member's place between two rounds has no weights yet, and is sent them.
  @Test func aRingTakesInWhoReplacesAMember() throws {
    let scene = try TestScene(
      settings {
        $0.topology = .ring
        $0.rounds = 3
      })
    let group = DispatchGroup()
    let result = try scene.run(before: { round, roster, port in
      guard round == 1 else { return }
      roster.refuse(3, FederationError("it is killed", .gone))
      group.enter()
      Thread.detachNewThread {
        defer { group.leave() }
        _ = try? scene.takePart(3, port, WorkerMemory())
      }
      _ = roster.wait(for: [3], before: Date(timeIntervalSinceNow: 10))
    })
    group.wait()
    #expect(result.failure == nil)
    #expect(result.outcomes.map(\.members) == [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]])
  }

  @Test func aRingGoesOnWithoutWhoDropsOut() throws {
    let scene = try TestScene(
      settings {
        $0.topology = .ring
        $0.rounds = 5
        $0.dropout = 0.3
      })
    let result = try scene.run()
    #expect(result.failure == nil)
    #expect(result.errors == [])
    #expect(result.outcomes.contains { $0.members.count < 4 })
    let alone = try scene.alone()
    for (ring, one) in zip(result.weights, alone) {
      for (a, b) in zip(ring.doubles, one.doubles) { #expect(abs(a - b) < 1e-6) }
    }
  }

  @Test func whoIsLateIsLeftOut() throws {
    let scene = try TestScene(
      settings {
        $0.stragglers = 0.3
        $0.delay = 2.5
        $0.timeout = 1.2
        $0.rounds = 2
      })
    let result = try scene.run()
    let plan = RoundPlan(scene.settings, round: 0)
    let late = (0..<4).filter { plan.isLate($0) }
    try #require(!late.isEmpty)
    #expect(result.outcomes[0].missing == late)
  }

  /// Sends bytes that are no protocol, and what a worker might say at the wrong time, while others train.
  @Test func hostilePeersChangeNothing() throws {
    for protection in [Protection.none, .secureAggregation] {
      let scene = try TestScene(
        settings {
          $0.protection = protection
          $0.rounds = 12
        })
      let expected = try scene.run().weights
      let sent = Mutex(0)
      let result = try scene.run { round, _, port in
        guard round == 0 else { return }
        for thief in 0..<3 {
          Thread.detachNewThread {
            var source = RandomSource(seed: UInt64(thief))
            for _ in 0..<40 {
              guard let connection = RawConnection(port: port) else { return }
              for _ in 0..<10 {
                connection.send(HostileMessage.random(token: scene.token, using: &source))
                sent.withLock { $0 += 1 }
              }
              connection.close()
            }
          }
        }
      }
      #expect(result.failure == nil)
      #expect(result.errors == [])
      #expect(result.weights == expected)
      #expect(sent.withLock { $0 } > 100)
    }
  }

  /// A worker that knows the token and sends damaged messages is left out, and the others go on.
  @Test func aHostileWorkerIsLeftOut() throws {
    for protection in [Protection.none, .secureAggregation] {
      let scene = try TestScene(
        settings {
          $0.workers = 5
          $0.rounds = 6
          $0.protection = protection
          $0.timeout = 5
        })
      let result = try scene.run(hostile: 4)
      #expect(result.failure == nil)
      #expect(result.errors == [])
      #expect(result.outcomes.allSatisfy { Set([0, 1, 2, 3]).isSubset(of: $0.members) })
      #expect(result.notes.contains { $0.worker == 4 && $0.text.hasPrefix("was refused") })
    }
  }

  @Test func strangersAreRefused() throws {
    let scene = try TestScene(settings { $0.rounds = 2 })
    let said = Mutex("")
    let result = try scene.run { round, roster, port in
      guard round == 1 else { return }
      Thread.detachNewThread {
        do {
          _ = try Worker.join(
            Address(host: "127.0.0.1", port: port), token: "another", worker: nil,
            listeningHost: "127.0.0.1", largestBody: 1 << 20)
        } catch {
          said.withLock { $0 = "\(error)" }
        }
      }
      while said.withLock({ $0.isEmpty }) {
        _ = roster.next(before: Date(timeIntervalSinceNow: 0.1))
      }
    }
    #expect(result.failure == nil)
    #expect(result.weights == (try scene.alone()))
    #expect(said.withLock { $0 }.contains("the token is not that of this federation"))
    #expect(result.notes.map(\.text).contains { $0.hasPrefix("a stranger was refused: the token") })
  }
}

@Suite struct MaskedSceneTests {
  private func settings(_ change: (inout FederationSettings) -> Void) -> FederationSettings {
    var settings = FederationSettings()
    settings.workers = 5
    settings.rounds = 3
    settings.batchSize = 5
    settings.timeout = 20
    settings.protection = .secureAggregation
    change(&settings)
    return settings
  }

  /// The largest difference of two lists of tensors.
  private func distance(_ first: [Tensor], _ second: [Tensor]) -> Double {
    zip(first, second).reduce(0) { most, pair in
      max(most, zip(pair.0.doubles, pair.1.doubles).map { abs($0 - $1) }.max() ?? 0)
    }
  }

  @Test func theSumIsThatOfOneProcessUpToItsLevels() throws {
    let scene = try TestScene(settings { $0.tapped = [0] })
    let result = try scene.run()
    #expect(result.failure == nil)
    #expect(result.errors == [])
    let step = try scene.settings.quantizer().step
    #expect(distance(result.weights, try scene.alone()) < 3 * step)
    #expect(result.outcomes.allSatisfy { $0.members == [0, 1, 2, 3, 4] })
    // The server saw nobody's share; the study knows them.
    let tap = try #require(result.outcomes[0].tap)
    #expect(tap.inClear == [])
    #expect(tap.shares.count == 5)
    #expect(try scene.run().weights == result.weights)
  }

  @Test func dropoutsAtEveryStepLeaveTheRightSumOrNone() throws {
    let scene = try TestScene(
      settings {
        $0.rounds = 8
        $0.dropout = 0.35
        $0.learningRate = 0.01
      })
    let result = try scene.run()
    #expect(result.errors == [])
    #expect(result.failure == nil)
    #expect(result.outcomes.count == 8)
    // Follows what each round says of its members, in one process.
    var weights = scene.initial
    let trainers = (0..<5).map(scene.trainer)
    var hasDropouts = false
    for (round, outcome) in result.outcomes.enumerated() {
      guard outcome.failure == nil else {
        #expect(outcome.members.isEmpty)
        continue
      }
      hasDropouts = hasDropouts || outcome.members.count < 5
      let shares = try outcome.members.map {
        let share = try trainers[$0].share(worker: $0, round: round, weights: weights)
        return (share.tensors, share.examples.count)
      }
      weights = scene.vector.next(weights, mean: scene.vector.mean(shares), scene.settings)
    }
    #expect(hasDropouts)
    #expect(distance(result.weights, weights) < 1e-5)
  }
}
