import Clients
import Defences
import Privacy
import TensorGraph

/// What defences cost: the same small training run with each of them.
package struct PriceReport: Sendable, Codable {
  /// One defence, at the learning rate that served it best.
  package struct Row: Sendable, Codable {
    /// With its strength.
    package let defence: DefenceChain
    /// How it was trained.
    package let settings: TrainingRun.Settings
    /// What training came to.
    package let result: TrainingRun.Result
    /// Share of held-out examples told right, with Wilson's interval at 95 %.
    package let accuracy: Double
    /// Wilson's interval of the accuracy at 95 %.
    package let interval: [Double]
    /// For DP-SGD: ε of the whole training at ``PriceReport/delta``; nil for others.
    package let epsilon: JSONNumber?

    init(
      _ defence: DefenceChain, _ settings: TrainingRun.Settings, _ result: TrainingRun.Result,
      trainingCount: Int
    ) {
      self.defence = defence
      self.settings = settings
      self.result = result
      accuracy = result.accuracy
      let rate = SuccessRate(successes: result.right, count: result.count)
      interval = [rate.interval.lowerBound, rate.interval.upperBound]
      if let noise = defence.guaranteedNoise {
        epsilon = JSONNumber(
          PrivacyAccountant(
            noiseMultiplier: noise.multiplier,
            samplingRate: min(1, Double(settings.batchSize) / Double(trainingCount)),
            rounds: settings.rounds
          ).epsilon(delta: PriceReport.delta))
      } else {
        epsilon = nil
      }
    }
  }

  /// Version of gradleak that made it.
  package let tool: String
  /// The model's name.
  package let model: String
  /// Numbers in all parameters.
  package let parameterCount: Int
  /// What was trained on, in words.
  package let data: String
  /// Accuracy of always guessing the class that is most frequent in training.
  package let chance: Double
  /// One for each defence.
  package let rows: [Row]

  /// The δ that ε is given for.
  package static let delta = 1e-5

  /// Trains once for each defence and learning rate, and keeps for each defence the rate with the lowest
  /// training loss: a defence that changes the update's size deserves a step of its own.
  ///
  /// - Parameter observe: called before each training run with its number from 0 and their count.
  /// - Returns: nil when `shouldStop` said so.
  package static func measure(
    _ defences: [DefenceChain], model: Model, data: LabelledExamples, rounds: Int, batchSize: Int,
    learningRates: [Double], seed: UInt64, backend: any Backend,
    observe: (Int, Int, DefenceChain) -> Void = { _, _, _ in }, shouldStop: () -> Bool = { false }
  ) throws -> PriceReport? {
    precondition(!learningRates.isEmpty, "no learning rate")
    let training = TrainingRun(model, data: data, backend: backend)
    for defence in defences { try training.check(defence, batchSize: batchSize) }
    var rows: [Row] = []
    for (index, defence) in defences.enumerated() {
      var best: Row?
      for (attempt, rate) in learningRates.enumerated() {
        observe(
          index * learningRates.count + attempt, defences.count * learningRates.count, defence)
        let settings = TrainingRun.Settings(
          rounds: rounds, batchSize: batchSize, learningRate: rate, seed: seed)
        guard let result = try training.train(defence, settings, shouldStop: shouldStop) else {
          return nil
        }
        let loss = result.trainingLoss.value
        let isBetter = best.map { row in
          let other = row.result.trainingLoss.value
          return loss.isFinite && (!other.isFinite || loss < other)
        }
        if isBetter ?? true {
          best = Row(defence, settings, result, trainingCount: data.training.count)
        }
      }
      if let best { rows.append(best) }
    }
    return PriceReport(
      tool: GradleakVersion.current, model: model.name, parameterCount: model.parameterCount,
      data: data.description, chance: data.guessedAccuracy, rows: rows)
  }
}
