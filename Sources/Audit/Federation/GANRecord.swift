import Federation

/// What a malicious client's generator made of a class that it does not have, beside what the gradient of one of the
/// victim's pictures gives: written as `gan.json`.
package struct GANRecord: Codable, Sendable {
  /// The format's version.
  package var version = 1
  /// The program's version.
  package var tool = GradleakVersion.current
  /// How the clients train, and on what.
  package let plan: FederationPlan
  /// What the malicious client does.
  package let attack: GANSettings
  /// What the clients train.
  package let model: String
  /// Numbers that each of them shares.
  package let parameterCount: Int
  /// Pictures of the target class, which the victim alone has.
  package let victimCount: Int
  /// Held-out pictures that accuracy is measured by.
  package let heldOutCount: Int
  /// Pictures of the target class that each of two sets has in which nearest ones are looked for: the victim's, and held
  /// out. Of a larger set the nearest picture is nearer.
  package let comparedCount: Int
  /// Held-out pictures of the target class: what a picture looks like by these measures that nobody trained on.
  package var fresh: [Distances] = []
  /// The mean of the victim's pictures of the class, which needs no generator.
  package var mean: Distances?
  /// One for each training with a seed of its own.
  package var runs: [Run] = []
  /// How different results are; nil before there are any.
  package var spread: Spread?
  /// Samples and reconstructions that are nearer to the victim's pictures than to held-out ones, and the like; nil before
  /// there are any.
  package var rates: Rates?
  /// Whether the user ended it.
  package var isInterrupted = false

  /// How far a result is from pictures of the target class: root mean squared errors of values in 0...1.
  package struct Distances: Codable, Sendable {
    /// From the nearest of the victim's pictures.
    package let nearestTraining: Double
    /// Which that is, from 0.
    package let nearestTrainingIndex: Int
    /// From the nearest of as many held-out pictures.
    package let nearestHeldOut: Double
    /// From the mean of all of the victim's pictures of the class.
    package let classMean: Double
    /// The class of the nearest held-out picture of any class.
    package let nearestClass: Int

    /// Whether it is nearer to a picture that the victim trained on.
    package var isNearerToTraining: Bool { nearestTraining < nearestHeldOut }
  }

  /// One training and what came of it.
  package struct Run: Codable, Sendable {
    /// Of weights, batches and generator.
    package let seed: UInt64
    /// In their order.
    package var rounds: [Round] = []
    /// Held-out pictures that the shared model gets right at the end; nil where it was not reached.
    package var right: Int?
    /// The generator's pictures at the end.
    package var samples: [Distances] = []
    /// What the gradient of each of some of the victim's pictures gave, at the same weights.
    package var reconstructions: [Reconstruction] = []
  }

  /// One round of training.
  package struct Round: Codable, Sendable {
    /// The generator's loss.
    package let loss: JSONNumber
    /// The mean probability that the model gave the target class for the generator's pictures, 0...1.
    package let score: JSONNumber
  }

  /// What came back of one of the victim's pictures.
  package struct Reconstruction: Codable, Sendable {
    /// Of the picture, from 0; the same in all runs.
    package let index: Int
    /// In dB against the picture; nil where the attack gave nothing.
    package var psnr: JSONNumber?
    /// Nil likewise.
    package var distances: Distances?
    /// What the attack says of itself, or why there was none.
    package var verdict: String

    /// Whether, of the victim's pictures that are compared, the nearest is the one behind the gradient.
    package var isIdentified: Bool { distances?.nearestTrainingIndex == index }
  }

  /// Mean root mean squared errors between pairs of results; nil where there are no pairs.
  package struct Spread: Codable, Sendable {
    /// Of the victim's pictures of the class.
    package let training: Double?
    /// Of samples of one generator.
    package let samplesOfOneRun: Double?
    /// Of samples of different runs' generators.
    package let samplesOfDifferentRuns: Double?
    /// Of the mean samples of different runs.
    package let meanSamples: Double?
    /// Of reconstructions of the same picture in different runs.
    package let reconstructions: Double?
  }

  /// Counts with intervals of 95 %.
  package struct Rates: Codable, Sendable {
    /// Samples whose nearest held-out picture is of the target class.
    package let samplesOfClass: Rate
    /// Fresh pictures likewise.
    package let freshOfClass: Rate
    /// Samples that are nearer to a picture of the victim's than to a held-out one; half of them where the generator
    /// knows nothing of single pictures. Samples of one generator resemble each other, so that the interval is too narrow.
    package let samplesNearerToTraining: Rate
    /// Runs in which more than half of the samples are; these are independent.
    package let runsNearerToTraining: Rate
    /// Fresh pictures likewise.
    package let freshNearerToTraining: Rate
    /// Pictures of the victim's whose reconstruction is nearest to them of all, in every run.
    package let recordsIdentified: Rate
    /// Pictures of the victim's that came back with 20 dB or more in every run.
    package let recordsRecognisable: Rate
  }

  /// How many of how many.
  package struct Rate: Codable, Sendable {
    /// That did.
    package let count: Int
    /// All.
    package let of: Int
    /// Where the true share may be (Wilson's score interval), 0...1.
    package let low: Double
    /// See ``low``.
    package let high: Double

    init(_ outcomes: [Bool]) {
      let rate = SuccessRate(outcomes)
      (count, of) = (rate.successes, rate.count)
      (low, high) = (rate.interval.lowerBound, rate.interval.upperBound)
    }

    /// For people.
    package var description: String { SuccessRate(successes: count, count: of).description }
  }

  /// The share of held-out pictures that a run's model gets right at the end, 0...1; nil where it was not reached.
  package func accuracy(_ run: Run) -> Double? {
    run.right.map { Double($0) / Double(max(heldOutCount, 1)) }
  }
}

extension GANRecord {
  /// Enters what all runs say together.
  mutating func summarise(_ spread: Spread) {
    let samples = runs.flatMap(\.samples)
    let records = Dictionary(grouping: runs.flatMap(\.reconstructions), by: \.index).values
    guard !samples.isEmpty else { return }
    self.spread = spread
    rates = Rates(
      samplesOfClass: Rate(samples.map { $0.nearestClass == attack.targetClass }),
      freshOfClass: Rate(fresh.map { $0.nearestClass == attack.targetClass }),
      samplesNearerToTraining: Rate(samples.map(\.isNearerToTraining)),
      runsNearerToTraining: Rate(
        runs.filter { !$0.samples.isEmpty }.map { run in
          2 * run.samples.count { $0.isNearerToTraining } > run.samples.count
        }),
      freshNearerToTraining: Rate(fresh.map(\.isNearerToTraining)),
      recordsIdentified: Rate(records.map { $0.allSatisfy(\.isIdentified) }),
      recordsRecognisable: Rate(
        records.map { record in
          record.allSatisfy { ($0.psnr?.value ?? 0) >= LeakThreshold.recognisablePSNR }
        }))
  }
}
