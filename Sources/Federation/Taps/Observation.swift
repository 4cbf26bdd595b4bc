import Clients
import TensorGraph

/// Who looks on in a federation, and where.
package enum Observer: String, Codable, Sendable, CaseIterable {
  /// The server, or whoever listens on a worker's link to it.
  case server
  /// A worker, which sees the weights change from round to round and knows its own share.
  case worker
  /// A worker's next neighbour in a ring, or whoever listens on the link between them.
  case neighbour
  /// A worker's two neighbours in a ring together, or whoever listens on both its links.
  case bothNeighbours = "both-neighbours"
  /// A server that sent all others a model without gradients.
  case inconsistentServer = "inconsistent-server"
  /// A server that ran a round twice, with and without the worker.
  case differencingServer = "differencing-server"
  /// The server together with all workers but one.
  case colluders
  /// The server together with one worker, whose key decrypts what all others sent.
  case keyHolder = "key-holder"
  /// A server that sent all workers the same planted weights.
  case plantingServer = "planting-server"

  /// For people.
  package var title: String {
    switch self {
    case .server: "the server"
    case .worker: "another worker"
    case .neighbour: "the next neighbour"
    case .bothNeighbours: "both neighbours together"
    case .inconsistentServer: "a server that sends inconsistent models"
    case .differencingServer: "a server that subtracts two cohorts"
    case .colluders: "the server and all other workers together"
    case .keyHolder: "the server with one worker's key"
    case .plantingServer: "a server that plants weights"
    }
  }
}

/// What one observer saw of a round, as far as an update can be made of it.
package struct Observation: Sendable {
  /// Who looked on.
  package let observer: Observer
  /// Of training, from 0.
  package let round: Int
  /// The workers whose data are in it, ascending.
  package let workers: [Int]
  /// What the tensors are.
  package let kind: UpdateKind
  /// One f32 tensor for each parameter; zeros where nothing was seen.
  package let tensors: [Tensor]
  /// Which elements were seen, one for each; nil for all of them.
  package let seen: [Tensor]?

  /// The share of the elements that was seen.
  package var seenShare: Double {
    guard let seen else { return 1 }
    let (all, known) = seen.reduce((0.0, 0.0)) { sum, tensor in
      (sum.0 + Double(tensor.shape.elementCount), sum.1 + tensor.doubles.reduce(0, +))
    }
    return known / max(all, 1)
  }
}

extension RoundTap {
  /// What observers make of the round.
  ///
  /// - Parameters:
  ///   - victims: workers that are looked at one by one.
  ///   - spy: the worker that looks on, if it is a member.
  ///   - adversary: what the server did.
  package func observations(
    _ settings: FederationSettings, _ vector: ParameterVector, victims: [Int], spy: Int,
    adversary: Adversary = .none
  ) -> [Observation] {
    let victims = victims.filter(members.contains)
    var result: [Observation] = []
    switch settings.topology {
    case .parameterServer where adversary.plants:
      result += planted(victims, settings)
    case .parameterServer:
      result += victims.filter(inClear.contains).compactMap { victim in
        shares[victim].map {
          Observation(
            observer: .server, round: round, workers: [victim], kind: settings.updateKind,
            tensors: $0, seen: nil)
        }
      }
      if settings.protection.scheme != nil {
        result += victims.flatMap { encrypted($0, settings, vector, adversary) }
      }
      if let victim, let one = share(of: victim, adversary, settings) {
        result.append(one)
      } else if settings.protection == .secureAggregation, !mean.isEmpty {
        result.append(
          Observation(
            observer: .server, round: round, workers: members, kind: settings.updateKind,
            tensors: mean, seen: nil))
      }
    case .ring:
      for victim in victims {
        if let part = clearPart(of: victim, settings, vector) { result.append(part) }
        if let whole = whole(of: victim, settings, vector) { result.append(whole) }
      }
    }
    if victim == nil, let others = others(than: spy, settings, vector) { result.append(others) }
    return result
  }

  /// What a server that plants weights looks at: shares in the clear one by one, and the sum of all.
  private func planted(_ victims: [Int], _ settings: FederationSettings) -> [Observation] {
    let alone = victims.filter(inClear.contains).compactMap { victim in
      shares[victim].map { (workers: [victim], tensors: $0) }
    }
    let all = mean.isEmpty ? [] : [(workers: members, tensors: mean)]
    return (alone + all).map {
      Observation(
        observer: .plantingServer, round: round, workers: $0.workers, kind: settings.updateKind,
        tensors: $0.tensors, seen: nil)
    }
  }

  /// What the weights that came of the round tell of all shares together: their mean, where workers share weights; the
  /// change that the mean gradient made, where they share gradients.
  private func aggregate(_ settings: FederationSettings) -> (tensors: [Tensor], kind: UpdateKind)? {
    guard !after.isEmpty else { return nil }
    guard !settings.sharesWeights else { return (after, .weights) }
    return (zip(before, after).map { $1.difference(from: $0) }, .difference)
  }

  /// The victim's share as an adversary comes to it: a sum without what others added.
  private func share(
    of victim: Int, _ adversary: Adversary, _ settings: FederationSettings
  ) -> Observation? {
    let others = members.filter { $0 != victim }
    guard members.contains(victim), !mean.isEmpty else { return nil }
    let (all, own) = (Double(exampleCount(members)), Double(exampleCount([victim])))
    let observer: Observer
    /// What the others added, times their examples, for each parameter.
    let rest: [[Double]]
    switch adversary {
    case .none, .robbingTheFed, .trapWeights: return nil
    case .inconsistentModels:
      observer = .inconsistentServer
      rest = mean.map { [Double](repeating: 0, count: $0.shape.elementCount) }
    case .differencing:
      guard !meanWithout.isEmpty else { return nil }
      observer = .differencingServer
      rest = meanWithout.map { $0.doubles.map { $0 * (all - own) } }
    case .colluders:
      guard others.allSatisfy({ shares[$0] != nil }) else { return nil }
      observer = .colluders
      rest = mean.indices.map { index in
        others.reduce([Double](repeating: 0, count: mean[index].shape.elementCount)) { sum, other in
          let (numbers, count) = (
            shares[other]?[index].doubles ?? [], Double(exampleCount([other]))
          )
          return zip(sum, numbers).map { $0 + count * $1 }
        }
      }
    }
    return Observation(
      observer: observer, round: round, workers: [victim], kind: settings.updateKind,
      tensors: zip(mean, rest).map { mean, rest in
        Tensor(mean.shape, .f32(zip(mean.doubles, rest).map { Float(($0 * all - $1) / own) }))
      }, seen: nil)
  }

  /// What the server sees of an encrypted share: the parameters that travel in the clear, and all of them with the key
  /// of a worker. What is decrypted is the share but for the scheme's error, which is left out here.
  private func encrypted(
    _ victim: Int, _ settings: FederationSettings, _ vector: ParameterVector,
    _ adversary: Adversary
  ) -> [Observation] {
    guard let share = shares[victim] else { return [] }
    var result: [Observation] = []
    let layers = EncryptedLayers(settings, vector)
    if !layers.clear.types.isEmpty {
      let seen = zip(vector.types, layers.isEncrypted).flatMap { parameter, isEncrypted in
        [Float](repeating: isEncrypted ? 0 : 1, count: parameter.type.shape.elementCount)
      }
      result.append(
        observation(
          .server, victim, zip(vector.flat(share), seen).map { $0 * $1 }, seen, settings, vector))
    }
    if adversary == .colluders {
      result.append(observation(.keyHolder, victim, vector.flat(share), nil, settings, vector))
    }
    return result
  }

  private func exampleCount(_ workers: [Int]) -> Int {
    workers.reduce(0) { $0 + (batches[$1]?.labels.count ?? 0) }
  }

  /// The mean of the shares of all but one worker, as that worker comes to it.
  private func others(
    than spy: Int, _ settings: FederationSettings, _ vector: ParameterVector
  ) -> Observation? {
    let others = members.filter { $0 != spy }
    guard members.contains(spy), !others.isEmpty, let own = shares[spy],
      let mean = aggregate(settings)
    else { return nil }
    let (all, ownCount) = (Double(exampleCount(members)), Double(exampleCount([spy])))
    let ownFactor = settings.sharesWeights ? ownCount : -settings.learningRate * ownCount
    let tensors = zip(mean.tensors, own).map { mean, own in
      Tensor(
        mean.shape,
        .f64(
          zip(mean.doubles, own.doubles).map { ($0 * all - $1 * ownFactor) / (all - ownCount) }))
    }
    return Observation(
      observer: .worker, round: round, workers: others, kind: mean.kind, tensors: tensors,
      seen: nil)
  }

  // MARK: - Rings

  /// The member behind one in the ring.
  private func next(_ member: Int) -> Int? {
    members.firstIndex(of: member).map { members[($0 + 1) % members.count] }
  }

  /// How much the member's share counts in the ring's sum.
  private func weight(of member: Int) -> Double {
    Double(exampleCount([member])) / Double(max(exampleCount(members), 1))
  }

  private func observation(
    _ observer: Observer, _ victim: Int, _ values: [Float], _ seen: [Float]?,
    _ settings: FederationSettings, _ vector: ParameterVector
  ) -> Observation {
    Observation(
      observer: observer, round: round, workers: [victim], kind: settings.updateKind,
      tensors: vector.tensors(values),
      seen: seen.map { seen in vector.tensors(seen).map { $0.converted(to: .bool) } })
  }

  /// The part of a worker's share that its neighbour gets before anything was added to it.
  private func clearPart(
    of victim: Int, _ settings: FederationSettings, _ vector: ParameterVector
  ) -> Observation? {
    guard let next = next(victim), let hops = hops[next] else { return nil }
    var values = [Float](repeating: 0, count: vector.count)
    var seen = values
    for hop in hops where hop.summed == [victim] {
      for (position, value) in zip(hop.range, hop.values) {
        values[position] = Float(Double(value) / weight(of: victim))
        seen[position] = 1
      }
    }
    guard seen.contains(1) else { return nil }
    return observation(
      .neighbour, victim, values, members.count > 1 ? seen : nil, settings, vector)
  }

  /// A worker's share from what goes in and comes out on its two links: whatever it sends on is what it received and its
  /// own, and the part that it does not send before it is complete comes with the sums.
  private func whole(
    of victim: Int, _ settings: FederationSettings, _ vector: ParameterVector
  ) -> Observation? {
    guard members.count > 2, let next = next(victim), let received = hops[victim],
      let sent = hops[next]
    else { return nil }
    var values = [Float](repeating: 0, count: vector.count)
    for hop in sent where hop.summed.last == victim {
      // What the victim received of this part before it added its own; nothing of the part that begins with it.
      let before = received.first {
        $0.range == hop.range && $0.summed.count == hop.summed.count - 1
      }
      guard before != nil || hop.summed == [victim] else { return nil }
      for (offset, position) in hop.range.enumerated() {
        let known = before.map { Double($0.values[offset]) } ?? 0
        values[position] = Float((Double(hop.values[offset]) - known) / weight(of: victim))
      }
    }
    return observation(.bothNeighbours, victim, values, nil, settings, vector)
  }
}
