import Defences
import Foundation
import Testing

@testable import Audit

@Suite struct PrivacyClaimTests {
  /// Each is flagged, and for the mistake that it has.
  @Test(arguments: BrokenMechanism.all)
  func brokenMechanismsAreFlagged(_ broken: BrokenMechanism) {
    let record = PrivacyClaimRecord(broken.setting)
    #expect(record.verdict == .fails || record.verdict == .notShown, "epsilon \(record.epsilon)")
    #expect(record.findings.map(\.pitfall).contains(broken.pitfall), "\(record.findings)")
    for finding in record.findings {
      #expect(finding.sentence.hasSuffix(".") && !finding.sentence.contains("infinite "))
    }
  }

  @Test func brokenMechanismsAreMany() {
    #expect(BrokenMechanism.all.count >= 40)
    #expect(Set(BrokenMechanism.all.map(\.name)).count == BrokenMechanism.all.count)
    // Every pitfall is met.
    #expect(Set(BrokenMechanism.all.map(\.pitfall)) == Set(PrivacyPitfall.allCases))
  }

  /// Claims of Opacus and of dp-accounting for their own mechanism pass: half from each.
  @Test func claimsOfOthersHold() throws {
    let rows = try goldens().filter { $0.claims.allSatisfy { $0 > 0.001 } }.prefix(60)
    #expect(rows.count >= 40)
    for (index, row) in rows.enumerated() {
      var setting = PrivacySetting()
      setting.clip = [0.1, 1, 5][index % 3]
      setting.noiseMultiplier = row.noise
      setting.samplingRate = row.rate
      setting.rounds = row.steps
      setting.delta = row.delta
      setting.claimedEpsilon = row.claims[index % row.claims.count]
      let record = PrivacyClaimRecord(setting)
      #expect(record.verdict == .holds, "\(row): \(record.epsilon)")
      #expect(record.findings.isEmpty && record.neededNoise == nil)
    }
  }

  /// Right in other ways: sums divided by the batch, replaced records and layers that were accounted for.
  @Test func rightCalibrationsHold() {
    let delta = 1e-5
    func holds(_ change: (inout PrivacySetting) -> Void) -> Bool {
      var setting = PrivacySetting()
      (setting.clip, setting.delta) = (1, delta)
      change(&setting)
      return PrivacyClaimRecord(setting).verdict == .holds
    }
    let sigma = BrokenMechanism.classical(0.9, sensitivity: 1)
    #expect(holds { ($0.noise, $0.claimedEpsilon) = (sigma, 0.9) })
    #expect(
      holds {
        ($0.noise, $0.noiseOn, $0.batchSize, $0.claimedEpsilon) = (sigma / 32, .mean, 32, 0.9)
      })
    #expect(
      holds { ($0.noise, $0.adjacency, $0.claimedEpsilon) = (2 * sigma, .replaceOne, 0.9) })
    #expect(
      holds {
        ($0.noise, $0.clipped, $0.layers, $0.claimedEpsilon) = (3 * sigma, .layer, 9, 0.9)
      })
    #expect(
      holds { ($0.noise, $0.clipped, $0.claimedEpsilon) = (2 * sigma, .batch, 0.9) })
    #expect(holds { ($0.noise, $0.rounds, $0.claimedEpsilon) = (4 * sigma, 16, 0.9) })
    #expect(holds { ($0.noise, $0.noiseShares, $0.claimedEpsilon) = (4 * sigma, 16, 0.9) })
    // A list of 1000 in batches of 10, shuffled for 4 epochs, without counting on the shuffle.
    #expect(
      holds {
        ($0.noise, $0.samplingRate, $0.rounds) = (2 * sigma, 0.01, 400)
        ($0.sampling, $0.claimedEpsilon) = (.shuffled, 0.9)
      })
  }

  /// The published table of the classical formula (exact Gaussian mechanism, δ = 1e-5).
  @Test(arguments: [
    (1.0, 0.75, 1.61, 2.69), (8.0, 7.91, 18.9, 35.2), (10.0, 10.39, 25.4, 48.4),
  ])
  func theClassicalFormulaIsMeasured(_ row: (Double, Double, Double, Double)) {
    func epsilon(_ adjacency: PrivacySetting.Adjacency, rounds: Int) -> Double {
      var setting = PrivacySetting()
      (setting.clip, setting.adjacency, setting.rounds) = (1, adjacency, rounds)
      setting.noise = BrokenMechanism.classical(row.0, sensitivity: 1)
      return PrivacyClaimRecord(setting).epsilon.value
    }
    #expect(abs(epsilon(.addRemove, rounds: 1) / row.1 - 1) < 0.01)
    #expect(abs(epsilon(.replaceOne, rounds: 1) / row.2 - 1) < 0.01)
    #expect(abs(epsilon(.addRemove, rounds: 10) / row.3 - 1) < 0.01)
  }

  /// A clip of 1 with a sensitivity of 1e-4: not 10 but 2e8.
  @Test func aMadeUpSensitivityIsMeasured() throws {
    let record = PrivacyClaimRecord(try #require(BrokenMechanism.all.first).setting)
    #expect(abs(record.epsilon.value / 2.13e8 - 1) < 0.01)
    #expect(record.candidates.allSatisfy { $0.success > 0.999 })
    let needed = try #require(record.neededNoise)
    // From 10.39 to 10, and from 1e-4 to 1.
    #expect(needed > 1e4 && needed < 1.1e4)
  }

  /// Defences say what they do, and Flower's what it claims.
  @Test func defencesAreSettings() throws {
    func setting(_ chain: String, batchSize: Int = 1) throws -> PrivacySetting {
      PrivacySetting(try DefenceChain(chain), batchSize: batchSize, hasLocalSteps: false)
    }
    let training = try setting("dp-sgd:2,1.5", batchSize: 8)
    #expect(training.clip == 2 && training.noiseMultiplier == 1.5 && training.clipped == .record)
    let flower = PrivacyClaimRecord(try setting("flower-local-dp:1,1e-4,10,1e-5", batchSize: 8))
    #expect(flower.verdict == .fails && flower.epsilon.value > 1e8)
    #expect(flower.findings.map(\.pitfall).contains(.sensitivity))
    #expect(PrivacyClaimRecord(try setting("flower-local-dp:1,1,0.9,1e-5")).verdict == .holds)
    let one = try setting("clip:3+gaussian:4")
    #expect(one.clip == 3 && one.noise == 2 && one.clipped == .record && one.noiseOn == .sum)
    #expect(try setting("clip:3+gaussian:4", batchSize: 4).clipped == .batch)
    #expect(try setting("gaussian:4+clip:3").flaws == [.noiseBeforeClip])
    for chain in ["gaussian:4", "nvflare-percentile", "prune:0.9", "fp16", "none"] {
      #expect(PrivacyClaimRecord(try setting(chain)).epsilon.value == .infinity, "\(chain)")
    }
  }

  /// Half of the noise that dp-accounting asks for.
  @Test func noiseIsFoundForAnEpsilon() throws {
    var setting = PrivacySetting()
    (setting.clip, setting.noiseMultiplier) = (1, 0.55)
    (setting.samplingRate, setting.rounds, setting.claimedEpsilon) = (
      256.0 / 60_000, 14_062, 2.3817
    )
    let needed = try #require(PrivacyClaimRecord(setting).neededNoise)
    #expect(abs(0.55 * needed - 1.1) < 0.02)
  }

  private struct Golden {
    let noise: Double
    let rate: Double
    let steps: Int
    let delta: Double
    let claims: [Double]
  }

  private func goldens() throws -> [Golden] {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(
      contentsOf: tests.appendingPathComponent("Fixtures/privacy/accounting.csv"), encoding: .utf8)
    return text.split(separator: "\n").dropFirst().compactMap { line in
      let numbers = line.split(separator: ",").compactMap { Double($0) }
      guard numbers.count == 9 else { return nil }
      return Golden(
        noise: numbers[0], rate: numbers[1], steps: Int(numbers[2]), delta: numbers[3],
        claims: [numbers[4], numbers[8]])
    }
  }
}
