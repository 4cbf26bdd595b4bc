import Attacks
import Clients
import Foundation
import Solvers
import TensorGraph

/// How often each strategy reads labels off gradients rightly, over many batches.
package struct LabelBenchmark: Codable, Sendable, Equatable {
  /// One strategy at one batch size on one model.
  package struct Row: Codable, Sendable, Equatable {
    /// The model's name.
    package var model: String
    /// Examples in each batch.
    package var batchSize: Int
    /// A ``LabelStrategy``, or "random guess".
    package var strategy: String
    /// Batches measured.
    package var batches: Int
    /// Mean share of labels that are right.
    package var accuracy: Double
    /// Half the width of the mean's 95 % interval: 1.96 standard errors over batches.
    package var halfInterval: Double
    /// Batches whose labels are all right.
    package var exactBatches: Int
  }

  /// Of the format.
  package var version = 1
  /// Version of gradleak that made it.
  package var tool = GradleakVersion.current
  /// Seed of all that is drawn.
  package var seed: UInt64
  /// One for each model, batch size and strategy.
  package private(set) var rows: [Row] = []

  package static let randomGuess = "random guess"

  package init(seed: UInt64) {
    self.seed = seed
  }

  /// Measures all strategies on `batches` batches of random labels, each with its own weights.
  ///
  /// - Parameters:
  ///   - images: [C, H, W], to draw from.
  ///   - shouldStop: asked after each batch; what was measured so far is kept.
  /// - Throws: ``AttackError`` when the model does not end in a fully connected layer with bias.
  package mutating func measure(
    _ model: Model, batchSize: Int, batches: Int, images: [Tensor], backend: any Backend,
    shouldStop: () -> Bool = { false }
  ) throws(AttackError) {
    var accuracies: [String: [Double]] = [:]
    for batch in 0..<batches {
      var source = RandomSource(seed: seed).derive(label: "labels").derive(index: batch)
      let weightSeed = source.next()
      let weighted = WeightedModel(untrained: model, seed: weightSeed)
      let truth = (0..<batchSize).map { _ in source.integer(below: model.classCount) }
      let chosen = (0..<batchSize).map { _ in images[source.integer(below: images.count)] }
      let update = try weighted.share(images: stacked(chosen), labels: truth, backend: backend)
      for strategy in LabelStrategy.allCases {
        let found = try LabelRecovery.labels(
          of: update, weighted, by: strategy, seed: seed, backend: backend)
        accuracies[strategy.rawValue, default: []].append(LabelRecovery.accuracy(found, truth))
      }
      let guess = (0..<batchSize).map { _ in source.integer(below: model.classCount) }
      accuracies[LabelBenchmark.randomGuess, default: []].append(
        LabelRecovery.accuracy(guess, truth))
      if shouldStop() { break }
    }
    for name in LabelStrategy.allCases.map(\.rawValue) + [LabelBenchmark.randomGuess] {
      guard let values = accuracies[name], !values.isEmpty else { continue }
      rows.append(row(name, values, model: model.name, batchSize: batchSize))
    }
  }

  private func row(
    _ strategy: String, _ values: [Double], model: String, batchSize: Int
  ) -> Row {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(count - 1, 1)
    return Row(
      model: model, batchSize: batchSize, strategy: strategy, batches: values.count,
      accuracy: mean, halfInterval: 1.96 * (variance / count).squareRoot(),
      exactBatches: values.count { $0 == 1 })
  }
}
