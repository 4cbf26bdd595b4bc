import Foundation
import Testing

@testable import Audit

/// Implementations of differential privacy with a mistake each, as seen in public code, and what they claim.
struct BrokenMechanism: Sendable, CustomTestStringConvertible {
  let name: String
  let pitfall: PrivacyPitfall
  let setting: PrivacySetting
  var testDescription: String { name }

  init(_ name: String, _ pitfall: PrivacyPitfall, _ change: (inout PrivacySetting) -> Void) {
    self.name = name
    self.pitfall = pitfall
    var setting = PrivacySetting()
    setting.clip = 1
    change(&setting)
    self.setting = setting
  }

  /// σ by the classical formula for a claimed ε.
  static func classical(_ epsilon: Double, sensitivity: Double, delta: Double = 1e-5) -> Double {
    sensitivity * (2 * log(1.25 / delta)).squareRoot() / epsilon
  }

  /// The training of Opacus' own example of MNIST: 256 of 60,000 records in 14,062 steps with a noise multiplier of 1.1 have
  /// ε = 2.38 by dp-accounting's tight accountant.
  static func training(_ setting: inout PrivacySetting) {
    setting.noiseMultiplier = 1.1
    setting.batchSize = 256
    setting.records = 60_000
    setting.samplingRate = 256.0 / 60_000
    setting.rounds = 14_062
    setting.claimedEpsilon = 2.4
  }

  static let all: [BrokenMechanism] = [
    .init("a sensitivity that somebody made up", .sensitivity) {
      $0.sensitivity = 1e-4
      $0.noise = classical(10, sensitivity: 1e-4)
      $0.claimedEpsilon = 10
    },
    .init("the sensitivity of a mean, for noise on the sum", .sensitivity) {
      $0.sensitivity = 1.0 / 64
      $0.noise = classical(1, sensitivity: 1.0 / 64)
      ($0.batchSize, $0.claimedEpsilon) = (64, 1)
    },
    .init("a sensitivity of 1 with a clip of 5", .sensitivity) {
      ($0.clip, $0.sensitivity, $0.noiseMultiplier) = (5, 1, 4)
      $0.claimedEpsilon = 1.1
    },
    .init("the learning rate in the sensitivity, but not in the update", .sensitivity) {
      ($0.sensitivity, $0.noise, $0.claimedEpsilon) = (0.01, classical(0.5, sensitivity: 0.01), 0.5)
    },
    .init("half the clip for replaced records", .sensitivity) {
      ($0.sensitivity, $0.noise, $0.claimedEpsilon) = (0.5, classical(0.9, sensitivity: 0.5), 0.9)
      $0.adjacency = .replaceOne
    },
    .init("the classical formula at epsilon 10", .classicalFormula) {
      ($0.noise, $0.claimedEpsilon) = (classical(10, sensitivity: 1), 10)
    },
    .init("the classical formula at epsilon 50", .classicalFormula) {
      ($0.noise, $0.claimedEpsilon) = (classical(50, sensitivity: 1), 50)
    },
    .init("the classical formula at epsilon 100, delta 1e-6", .classicalFormula) {
      $0.delta = 1e-6
      ($0.noise, $0.claimedEpsilon) = (classical(100, sensitivity: 1, delta: 1e-6), 100)
    },
    .init("the classical formula at epsilon 20, clip 3", .classicalFormula) {
      $0.clip = 3
      ($0.noise, $0.claimedEpsilon) = (classical(20, sensitivity: 3), 20)
    },
    .init("ten rounds, one accounted", .composition) {
      ($0.noise, $0.rounds, $0.claimedEpsilon) = (classical(1, sensitivity: 1), 10, 1)
    },
    .init("a hundred rounds of local noise, one accounted", .composition) {
      ($0.noise, $0.rounds, $0.claimedEpsilon) = (classical(0.5, sensitivity: 1), 100, 0.5)
    },
    .init("two rounds, one accounted", .composition) {
      ($0.noiseMultiplier, $0.rounds, $0.claimedEpsilon) = (1, 2, 4.4)
    },
    .init("sampled training, one step accounted", .composition) {
      training(&$0)
      $0.claimedEpsilon = 0.8
    },
    .init("training twice as long as accounted", .composition) {
      training(&$0)
      $0.rounds *= 2
    },
    .init("replaced records, removed ones accounted", .replaceOne) {
      ($0.noise, $0.adjacency, $0.claimedEpsilon) = (classical(1, sensitivity: 1), .replaceOne, 1)
    },
    .init("replaced records at epsilon 8", .replaceOne) {
      ($0.noise, $0.adjacency, $0.claimedEpsilon) = (classical(8, sensitivity: 1), .replaceOne, 8)
    },
    .init("a bounded local mechanism with the clip as sensitivity", .replaceOne) {
      ($0.noiseMultiplier, $0.adjacency, $0.claimedEpsilon) = (4, .replaceOne, 0.9)
    },
    .init("sampled training with replaced records", .replaceOne) {
      training(&$0)
      $0.adjacency = .replaceOne
    },
    .init("layers clipped one by one", .layerClip) {
      ($0.clipped, $0.layers) = (.layer, 10)
      ($0.noiseMultiplier, $0.claimedEpsilon) = (1, 4.4)
    },
    .init("two tensors clipped one by one", .layerClip) {
      ($0.clipped, $0.layers) = (.layer, 2)
      ($0.noise, $0.claimedEpsilon) = (classical(0.9, sensitivity: 1), 0.9)
    },
    .init("sampled training with 62 layers clipped one by one", .layerClip) {
      training(&$0)
      ($0.clipped, $0.layers) = (.layer, 62)
    },
    .init("noise divided by the batch size on the sum", .dividedNoise) {
      training(&$0)
      $0.noiseMultiplier = 1.1 / 256
    },
    .init("noise divided by a batch of 32", .dividedNoise) {
      ($0.batchSize, $0.noise, $0.claimedEpsilon) = (32, 1.0 / 32, 4.4)
    },
    .init("noise divided by the batch twice", .dividedNoise) {
      ($0.batchSize, $0.noise, $0.claimedEpsilon) = (16, classical(1, sensitivity: 1) / 16, 1)
    },
    .init("the batch's mean clipped, noise for one record", .batchClip) {
      ($0.clipped, $0.noiseOn, $0.batchSize) = (.batch, .mean, 64)
      ($0.noise, $0.claimedEpsilon) = (1.0 / 64, 4.4)
    },
    .init("accumulated gradients clipped together", .batchClip) {
      ($0.clipped, $0.noiseMultiplier, $0.claimedEpsilon) = (.batch, 1, 4.4)
    },
    .init("the optimiser's clip taken for that of records", .batchClip) {
      training(&$0)
      $0.clipped = .batch
    },
    .init("nothing clipped", .noClip) {
      ($0.clip, $0.noise, $0.claimedEpsilon) = (nil, 1, 5)
    },
    .init("a noise layer on raw gradients", .noClip) {
      ($0.clip, $0.noise, $0.rounds, $0.claimedEpsilon) = (nil, 1e-2, 100, 1)
    },
    .init("a percentile filter", .noNoise) { ($0.noise, $0.claimedEpsilon) = (0, 1) },
    .init("clipping alone", .noNoise) { ($0.noiseMultiplier, $0.claimedEpsilon) = (0, 10) },
    .init("batch normalisation", .batchNorm) {
      training(&$0)
      $0.flaws = [.batchNorm]
    },
    .init("the median norm as the clip", .clipFromData) {
      training(&$0)
      $0.flaws = [.clipFromData]
    },
    .init("a seed set in each round", .repeatedNoise) {
      training(&$0)
      $0.flaws = [.repeatedNoise]
    },
    .init("biases without noise", .noiselessTensors) {
      training(&$0)
      $0.flaws = [.noiselessTensors]
    },
    .init("noise before the clip", .noiseBeforeClip) {
      ($0.noiseMultiplier, $0.flaws, $0.claimedEpsilon) = (1, [.noiseBeforeClip], 4.4)
    },
    .init("shuffled batches, Poisson accounted", .notPoisson) {
      training(&$0)
      $0.sampling = .shuffled
    },
    .init("batches of a fixed size, Poisson accounted", .notPoisson) {
      training(&$0)
      $0.sampling = .fixed
    },
    .init("the sampling rate of smaller batches", .samplingRate) {
      training(&$0)
      $0.samplingRate = 64.0 / 60_000
      $0.claimedEpsilon = 0.8
    },
    .init("the sampling rate of all hospitals' records", .samplingRate) {
      training(&$0)
      $0.records = 6_000
    },
    .init("noise shared by ten clients, seen one by one", .noiseShares) {
      ($0.noiseMultiplier, $0.noiseShares, $0.claimedEpsilon) = (1, 10, 4.4)
    },
    .init("noise shared by a hundred clients", .noiseShares) {
      ($0.noise, $0.noiseShares, $0.claimedEpsilon) = (classical(1, sensitivity: 1), 100, 1)
    },
    .init("a delta of one record in a hundred", .delta) {
      ($0.noiseMultiplier, $0.delta, $0.records) = (1, 1e-2, 200)
      $0.claimedEpsilon = 2.2
    },
    .init("a delta of 1e-5 for a million records", .delta) {
      training(&$0)
      ($0.records, $0.batchSize) = (1_000_000, 4_266)
      $0.samplingRate = 0.004266
    },
  ]
}
