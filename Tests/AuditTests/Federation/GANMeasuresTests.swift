import Federation
import ModelIO
import Testing

@testable import Audit

@Suite struct GANMeasuresTests {
  /// Pictures of one element.
  private func set(_ values: [Float], _ labels: [Int]) -> TrainingSet {
    TrainingSet(shape: [1, 1, 1], pixels: values, labels: labels)
  }

  private func measures() throws -> GANMeasures {
    try GANMeasures(
      training: set([0.1, 0.2, 0.9], [1, 1, 1]),
      heldOut: set([0.5, 0.3, 0.6, 0.35, 0.8], [1, 0, 1, 0, 1]), targetClass: 1, freshCount: 1)
  }

  @Test func asManyHeldOutPicturesAreCompared() throws {
    let measures = try measures()
    // Of the three held-out pictures of the class one is fresh.
    #expect(measures.count == 2)
    #expect(measures.heldOut.pixels == [0.6, 0.8])
    #expect(measures.fresh.pixels == [0.5])
    #expect(abs(measures.mean[0] - 0.4) < 1e-6)
  }

  @Test func distancesAreRootMeanSquaredErrors() throws {
    let measures = try measures()
    // 0.9 is beyond the pictures that are compared.
    let far = measures.distances(of: [0.95])
    #expect(abs(far.nearestTraining - 0.75) < 1e-6)
    #expect(far.nearestTrainingIndex == 1)
    #expect(abs(far.nearestHeldOut - 0.15) < 1e-6)
    #expect(!far.isNearerToTraining)
    #expect(abs(far.classMean - 0.55) < 1e-6)
    #expect(far.nearestClass == 1)
    let near = measures.distances(of: [0.1])
    #expect(near.nearestTraining == 0)
    #expect(near.isNearerToTraining)
    #expect(near.nearestClass == 0)
  }

  @Test func aFreshPictureIsNotComparedWithItself() throws {
    let fresh = try measures().ofFresh
    #expect(fresh.count == 1)
    #expect(abs(fresh[0].nearestHeldOut - 0.1) < 1e-6)
    #expect(fresh[0].nearestClass == 1)
  }

  @Test func spreadIsTheMeanOverPairs() throws {
    let pairs = GANMeasures.pairs(set([0, 0.2, 0.6], [1, 1, 1]), 9)
    #expect(pairs.count == 3)
    let spread = try #require(GANMeasures.spread(pairs))
    #expect(abs(spread - 0.4) < 1e-6)
    #expect(GANMeasures.spread([]) == nil)
  }

  @Test func tooFewPicturesAreRefused() {
    #expect(throws: FederationError.self) {
      try GANMeasures(
        training: set([0.1], [1]), heldOut: set([0.5, 0.6], [1, 1]), targetClass: 1, freshCount: 8)
    }
  }

  @Test func ratesNeedEveryRun() {
    func distances(_ index: Int) -> GANRecord.Distances {
      GANRecord.Distances(
        nearestTraining: 0.1, nearestTrainingIndex: index, nearestHeldOut: 0.2, classMean: 0.3,
        nearestClass: 1)
    }
    var record = GANRecord(
      plan: FederationPlan(
        settings: FederationSettings(), model: ModelChoice(), data: FederationData(.photographs)),
      attack: GANSettings(targetClass: 1), model: "lenet", parameterCount: 1, victimCount: 3,
      heldOutCount: 5, comparedCount: 2)
    for found in [0, 5] {
      var run = GANRecord.Run(seed: 0)
      run.samples = [distances(7)]
      run.reconstructions = [0, 1].map { index in
        GANRecord.Reconstruction(
          index: index, psnr: JSONNumber(30), distances: distances(index == 0 ? found : 1),
          verdict: "recovered")
      }
      record.runs.append(run)
    }
    record.summarise(
      GANRecord.Spread(
        training: nil, samplesOfOneRun: nil, samplesOfDifferentRuns: nil, meanSamples: nil,
        reconstructions: nil))
    #expect(record.rates?.samplesNearerToTraining.count == 2)
    #expect(record.rates?.recordsIdentified.count == 1)
    #expect(record.rates?.recordsIdentified.of == 2)
    #expect(record.rates?.recordsRecognisable.count == 2)
  }
}
