import Attacks
import Clients
import Solvers
import TensorGraph

/// A record, and whether it has a property that is not the task.
package struct PropertyExample: Sendable {
  /// With a label.
  package let example: PrivateExample
  package let hasProperty: Bool

  package init(_ example: PrivateExample, hasProperty: Bool) {
    (self.example, self.hasProperty) = (example, hasProperty)
  }
}

/// Asks of updates whether their batches have a property that is not the task (Melis et al. 2019, arXiv 1805.04049, section
/// 4.3): updates are made of auxiliary records with and without it, a classifier is fitted to them, and tells the updates of
/// clients whose records it has not seen. Here the classifier is a logistic regression with a ridge, and over several rounds
/// a client's scores are added up.
package struct PropertyStudy {
  private let clients: SimulatedClients

  /// - Parameters:
  ///   - runner: of the model, with what backend computes.
  ///   - experiment: the clients' loss, training and defences, and the seed.
  ///   - kind: of the records.
  package init(_ runner: PictureRunner, _ experiment: Experiment, kind: DataKindName) {
    clients = SimulatedClients(runner: runner, experiment: experiment, kind: kind)
  }

  /// How much is simulated.
  package struct Sizes: Sendable {
    /// Records of each update.
    package let batch: Int
    /// Of these so many have the property in a batch that has it.
    package let having: Int
    /// Updates with, and as many without, that a classifier is fitted to.
    package let auxiliary: Int
    /// Clients with, and as many without, at most.
    package let clients: Int
    /// Rounds of training.
    package let rounds: Int

    package init(batch: Int, having: Int, auxiliary: Int, clients: Int, rounds: Int) {
      (self.batch, self.having, self.auxiliary) = (batch, having, auxiliary)
      (self.clients, self.rounds) = (clients, rounds)
    }
  }

  /// Clients of each kind at least: of fewer no rate can be told.
  package static let fewestClients = 3
  private static let permutations = 9999
  /// Of the server's steps between rounds, where clients take none of their own.
  private static let usualLearningRate = 0.1

  /// Simulates a federation, or judges a client's update.
  ///
  /// - Parameters:
  ///   - pool: no two records the same.
  ///   - subject: an update from a file, of the first round; nil for none.
  ///   - observe: told what share is done; may ask to stop.
  /// - Returns: nil when it was asked to stop.
  /// - Throws: ``AttackError`` when records are too few, a defence does not apply or the backend fails.
  package func run(
    _ pool: [PropertyExample], sizes: Sizes, loss: ClientLoss, subject: SharedUpdate? = nil,
    observe: (Double) -> SolverDecision = { _ in .proceed }
  ) throws -> PropertyRecord? {
    let seed = clients.experiment.attack.seed
    var source = RandomSource(seed: seed).derive(label: "property")
    let halves = PropertyHalves(pool, using: &source)
    let groups = try halves.clients(sizes)
    var weighted = clients.runner.audit(seed: seed).weighted
    var features: UpdateFeatures?
    var totals = groups.map { $0.map { _ in 0.0 } }
    var rounds: [PropertyRecord.Round] = []
    var labelsArea = Double.nan
    var subjectScore = 0.0
    let updatesInAll = Double(
      sizes.rounds * (2 * sizes.auxiliary + groups[0].count + groups[1].count))
    var updatesDone = 0.0
    for round in 0..<sizes.rounds {
      func share(_ batch: [PrivateExample]) throws -> SharedUpdate? {
        if case .stop = observe(updatesDone / updatesInAll) { return nil }
        updatesDone += 1
        return try clients.share(batch, weighted, loss, seed: source.next())
      }
      var fitted: (rows: [[Double]], counts: [[Double]], labels: [Bool]) = ([], [], [])
      for hasProperty in [true, false] {
        for _ in 0..<sizes.auxiliary {
          let batch = halves.auxiliaryBatch(hasProperty, sizes, using: &source)
          guard let update = try share(batch) else { return nil }
          let reader = features ?? UpdateFeatures(of: update, seed: seed)
          features = reader
          fitted.rows.append(reader.values(update))
          fitted.counts.append(labelShares(batch, loss))
          fitted.labels.append(hasProperty)
        }
      }
      guard let features else { return nil }
      let classifier = LogisticRegression.tuned(fitted.rows, fitted.labels, using: &source)
      var scores: [[Double]] = []
      var updates: [SharedUpdate] = []
      for group in groups {
        var own: [Double] = []
        for batch in group {
          guard let update = try share(batch) else { return nil }
          own.append(classifier.score(features.values(update)))
          updates.append(update)
        }
        scores.append(own)
      }
      totals = zip(totals, scores).map { zip($0, $1).map(+) }
      rounds.append(
        PropertyRecord.Round(
          number: round + 1,
          area: JSONNumber(ReceiverOperating(members: scores[0], others: scores[1]).area),
          accumulated: JSONNumber(ReceiverOperating(members: totals[0], others: totals[1]).area)))
      if round == 0 {
        let byLabels = LogisticRegression.tuned(fitted.counts, fitted.labels, using: &source)
        let told = groups.map { $0.map { byLabels.score(labelShares($0, loss)) } }
        labelsArea = ReceiverOperating(members: told[0], others: told[1]).area
        if let subject { subjectScore = classifier.score(features.values(subject)) }
      }
      if round + 1 < sizes.rounds { weighted = stepped(weighted, updates) }
    }
    return record(
      pool, sizes, totals, rounds, labelsArea: labelsArea,
      subjectScore: subject.map { _ in subjectScore }, using: &source)
  }

  private func record(
    _ pool: [PropertyExample], _ sizes: Sizes, _ totals: [[Double]],
    _ rounds: [PropertyRecord.Round], labelsArea: Double, subjectScore: Double?,
    using source: inout RandomSource
  ) -> PropertyRecord {
    let curve = ReceiverOperating(members: totals[0], others: totals[1])
    let experiment = clients.experiment
    let having = pool.count { $0.hasProperty }
    return PropertyRecord(
      kind: clients.kind.rawValue, model: clients.runner.selected.model.name, property: "",
      having: having, lacking: pool.count - having, unknown: 0, batchSize: sizes.batch,
      havingInBatch: sizes.having, seed: experiment.attack.seed,
      defence: experiment.defences.isEmpty ? nil : experiment.defences.description,
      auxiliary: sizes.auxiliary, clientsWith: totals[0].count, clientsWithout: totals[1].count,
      rounds: rounds, area: JSONNumber(curve.area),
      interval: [curve.interval.lowerBound, curve.interval.upperBound],
      chance: curve.chance(permutations: PropertyStudy.permutations, using: &source),
      labelsArea: JSONNumber(labelsArea),
      candidate: subjectScore.map { score in
        let high = totals[1].count { $0 >= score }
        let low = totals[0].count { $0 <= score }
        return PropertyRecord.Candidate(
          score: JSONNumber(score), withoutAsHigh: high, withAsLow: low,
          chanceWithout: Double(high + 1) / Double(totals[1].count + 1),
          chanceWith: Double(low + 1) / Double(totals[0].count + 1))
      })
  }

  /// How often each label is in a batch; of labels that are numbers, their mean.
  private func labelShares(_ batch: [PrivateExample], _ loss: ClientLoss) -> [Double] {
    let count = clients.runner.selected.model.classCount
    let shares = batch.map { loss.target(of: $0.label ?? 0, classCount: count) }
    return (shares.first ?? []).indices.map { index in
      shares.reduce(0) { $0 + $1[index] } / Double(batch.count)
    }
  }

  /// The weights after a step of the server with the mean of all clients' updates.
  private func stepped(_ weighted: WeightedModel, _ updates: [SharedUpdate]) -> WeightedModel {
    let rate = clients.experiment.client.learningRate ?? PropertyStudy.usualLearningRate
    let factor = rate / Double(updates.count)
    let parameters = weighted.parameters.enumerated().map { index, weight in
      var numbers = weight.doubles
      for update in updates {
        for (place, number) in update.gradients[index].doubles.enumerated() {
          numbers[place] -= factor * number
        }
      }
      return Tensor(weight.shape, weight.dtype, numbers)
    }
    return WeightedModel(
      model: weighted.model, parameters: parameters, buffers: weighted.buffers)
  }
}

/// A pool, half of it the adversary's own and half the clients'.
private struct PropertyHalves {
  /// Those with the property, then those without.
  private let auxiliary: [[PrivateExample]]
  private let held: [[PrivateExample]]

  init(_ pool: [PropertyExample], using source: inout RandomSource) {
    var (auxiliary, held) = ([[PrivateExample]](), [[PrivateExample]]())
    for hasProperty in [true, false] {
      let group = pool.filter { $0.hasProperty == hasProperty }.map(\.example)
      let order = source.permutation(of: group.count).map { group[$0] }
      auxiliary.append(Array(order.prefix(group.count / 2)))
      held.append(Array(order.dropFirst(group.count / 2)))
    }
    (self.auxiliary, self.held) = (auxiliary, held)
  }

  /// The batches of clients with the property, then of those without; no two share a record.
  ///
  /// - Throws: ``AttackError`` when records are too few.
  func clients(_ sizes: PropertyStudy.Sizes) throws(AttackError) -> [[[PrivateExample]]] {
    let (having, lacking) = (held[0].count, held[1].count)
    let filling = sizes.batch - sizes.having
    func without(_ with: Int) -> Int {
      min(sizes.clients, max(lacking - with * filling, 0) / sizes.batch)
    }
    let most = min(sizes.clients, having / sizes.having)
    // As many of the rarer kind as there can be.
    let with = (0...most).max { min($0, without($0)) < min($1, without($1)) } ?? 0
    guard with >= PropertyStudy.fewestClients, without(with) >= PropertyStudy.fewestClients,
      auxiliary[0].count >= sizes.having, auxiliary[1].count >= sizes.batch
    else {
      throw AttackError(
        "\(auxiliary[0].count + having) records with the property and \(auxiliary[1].count + lacking) without are too few "
          + "for \(PropertyStudy.fewestClients) clients of \(sizes.batch) on each side beside as many auxiliary records; "
          + "give more, or a smaller batch size", .badInput)
    }
    var rest = held[1][...]
    func taken(_ count: Int) -> [PrivateExample] {
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    let batchesWith = (0..<with).map { index in
      Array(held[0][index * sizes.having..<(index + 1) * sizes.having]) + taken(filling)
    }
    return [batchesWith, (0..<without(with)).map { _ in taken(sizes.batch) }]
  }

  /// Different records of the adversary's own.
  func auxiliaryBatch(
    _ hasProperty: Bool, _ sizes: PropertyStudy.Sizes, using source: inout RandomSource
  ) -> [PrivateExample] {
    func drawn(_ count: Int, from group: [PrivateExample]) -> [PrivateExample] {
      source.permutation(of: group.count).prefix(count).map { group[$0] }
    }
    let having = hasProperty ? sizes.having : 0
    return drawn(having, from: auxiliary[0]) + drawn(sizes.batch - having, from: auxiliary[1])
  }
}
