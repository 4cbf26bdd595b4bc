import Foundation
import ModelIO
import TensorGraph
import Testing

@testable import Clients
@testable import Defences

/// Filters of NVFlare and mods of Flower against their own code; see scripts/fixtures/defences-filters.py.
@Suite struct FilterGoldenTests {
  private struct Golden: Decodable {
    struct Case: Decodable {
      let defence: String
      let input: String
      let steps: Int
      let output: String
      let norm: Double?
      let normBit: Int?
    }
    struct Statistics: Decodable {
      let defence: String
      let steps: Int?
      let mean: [Double]?
      let deviation: Double?
      let sentShare: [Double]?
      let meanMagnitude: Double?
      let meanSquare: Double?
      let distinct: Double?
      let runs: Double
    }
    struct Pattern: Decodable {
      let pattern: String
      let found: [Bool]
    }
    let names: [String]
    let cases: [Case]
    let statistics: [Statistics]
    let patternNames: [String]
    let patterns: [Pattern]
  }

  private let golden: Golden
  private let tensors: [String: Tensor]

  init() throws {
    // Of other arrays and versions where scripts/checks/integrations.sh says so.
    let folder =
      ProcessInfo.processInfo.environment["GRADLEAK_FILTERS"].map { URL(fileURLWithPath: $0) }
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/defences")
    golden = try JSONDecoder().decode(
      Golden.self, from: Data(contentsOf: folder.appendingPathComponent("filters.json")))
    tensors = try SafetensorsFile(
      contentsOf: folder.appendingPathComponent("filters.safetensors").path
    ).tensors()
  }

  private func update(_ key: String) throws -> [Tensor] {
    try golden.names.map { try #require(tensors["input-\(key)/\($0)"]) }
  }

  /// What becomes of the difference that so many steps of learning rate 1 came to.
  private func defended(
    _ spec: String, _ update: [Tensor], steps: Int, seed: UInt64 = 0
  ) throws -> DefendedUpdate {
    var pipeline = DefencePipeline(try DefenceChain(spec), seed: seed)
    return pipeline.apply(
      update, batchSize: steps,
      training: try LocalTraining(exampleCount: steps, miniBatchSize: 1, learningRate: 1),
      names: golden.names)
  }

  private func cases(_ name: String) -> [Golden.Case] {
    golden.cases.filter { $0.defence.hasPrefix(name + ":") }
  }

  @Test func percentilesAreNVFlaresBitForBit() throws {
    #expect(cases("nvflare-percentile").count == 16)
    for golden in cases("nvflare-percentile") {
      let shared = try defended(golden.defence, update(golden.input), steps: golden.steps)
      for (name, tensor) in zip(self.golden.names, shared.update.gradients) {
        #expect(tensor == tensors["\(golden.output)/\(name)"], "\(golden.defence) \(golden.steps)")
      }
    }
  }

  @Test func namesAreExcludedAsNVFlareDoes() throws {
    #expect(cases("nvflare-exclude").count == 10)
    for golden in cases("nvflare-exclude") {
      let shared = try defended(golden.defence, update(golden.input), steps: 1).update
      for (index, name) in self.golden.names.enumerated() {
        #expect(
          shared.gradient(of: index) == tensors["\(golden.output)/\(name)"], "\(golden.defence)")
      }
    }
  }

  /// The sums of squares are NumPy's up to their order; a norm is told by the norm bit.
  @Test func clippingIsFlowers() throws {
    #expect(cases("flower-fixed-clipping").count == 6)
    for golden in cases("flower-fixed-clipping") {
      let shared = try defended(golden.defence, update(golden.input), steps: 1)
      let rounding = golden.input == "f32" ? 0x1p-20 : 0x1p-50
      for (name, tensor) in zip(self.golden.names, shared.update.gradients) {
        let expected = try #require(tensors["\(golden.output)/\(name)"]).doubles
        for (left, right) in zip(tensor.doubles, expected) {
          #expect(abs(left - right) <= rounding * abs(right), "\(golden.defence)")
        }
      }
      #expect((shared.counterAttack.scale == .lostTogether) == (golden.normBit == 1))
    }
  }

  @Test func localPrivacyHasFlowersNoise() throws {
    let chosen = golden.statistics.filter { $0.mean != nil }
    #expect(chosen.count == 2)
    for golden in chosen {
      let (mean, deviation) = (try #require(golden.mean), try #require(golden.deviation))
      var sums = [Double](repeating: 0, count: mean.count)
      var squares = sums
      for seed in 0..<UInt64(golden.runs) {
        let numbers = try defended(golden.defence, update("f32"), steps: 1, seed: seed)
          .update.gradients.flatMap(\.doubles)
        for (index, number) in numbers.enumerated() {
          sums[index] += number
          squares[index] += (number - mean[index]) * (number - mean[index])
        }
      }
      for (sum, mean) in zip(sums, mean) {
        #expect(abs(sum / golden.runs - mean) < 6 * deviation * (2 / golden.runs).squareRoot())
      }
      // Around the other program's mean there is that one's variance as well.
      let variance = squares.reduce(0, +) / golden.runs / Double(mean.count)
      let expected = deviation * deviation * (1 + 1 / golden.runs)
      #expect(abs(variance / expected - 1) < 0.03)
      #expect(
        abs((try defence(golden.defence) as? FlowerLocalPrivacy)!.deviation / deviation - 1) < 0.02)
    }
  }

  @Test func theSparseVectorTechniqueIsNVFlares() throws {
    let chosen = golden.statistics.filter { $0.sentShare != nil }
    #expect(chosen.count == 3)
    for golden in chosen {
      let shares = try #require(golden.sentShare)
      var counts = [Double](repeating: 0, count: shares.count)
      var (magnitude, square) = (0.0, 0.0)
      for seed in 0..<UInt64(golden.runs) {
        let numbers = try defended(
          golden.defence, update("f32"), steps: golden.steps ?? 1, seed: seed
        ).update.gradients.flatMap(\.doubles)
        for (index, number) in numbers.enumerated() where number != 0 {
          counts[index] += 1
          magnitude += abs(number)
          square += number * number
        }
      }
      let sent = counts.reduce(0, +)
      for (count, share) in zip(counts, shares) {
        let deviation = (2 * share * (1 - share) / golden.runs).squareRoot()
        #expect(abs(count / golden.runs - share) < 5 * deviation + 0.02, "\(golden.defence)")
      }
      #expect(abs(sent / golden.runs / (try #require(golden.distinct)) - 1) < 0.02)
      #expect(abs(magnitude / sent / (try #require(golden.meanMagnitude)) - 1) < 0.04)
      #expect(abs(square / sent / (try #require(golden.meanSquare)) - 1) < 0.1)
    }
  }

  private func defence(_ spec: String) throws -> any Defence { try DefenceCatalog.defence(spec) }

  @Test func patternsAreFoundAsPythonFindsThem() throws {
    #expect(golden.patterns.count > 25)
    for golden in golden.patterns {
      let pattern = try NamePattern(golden.pattern)
      #expect(self.golden.patternNames.map(pattern.isFound) == golden.found, "\(golden.pattern)")
    }
  }

  /// Also those on which others take exponential time.
  @Test func hostilePatternsAreRefusedOrHarmless() throws {
    let long = String(repeating: "a", count: 5000) + "!"
    for text in ["^(a*)*$", "(a|a)*b", "(a|aa)+$", "((((a*)*)*)*)*c", "a{0,50}a{0,50}a{0,50}b"] {
      #expect(try NamePattern(text).isFound(in: long) == false)
    }
    for text in [
      "(", ")", "[a", "a**", "*a", "a{3,2}", "\\", "\\b", "(?=a)", "[z-a]", "a{999}{9}",
      "(a{99}){99}",
      "[\\D]", "((a{50}){50}|b)", String(repeating: "a", count: 201),
    ] {
      #expect(throws: PatternError.self, "\(text)") { try NamePattern(text) }
    }
  }

  @Test func layersAreEncryptedByTheirNames() throws {
    let shared = try defended("encrypt-layers:conv1,fc.bias", update("f32"), steps: 1).update
    #expect(shared.sharedParameters == [2, 3])
    func message(_ spec: String) throws -> String? {
      let chain = try DefenceChain(spec)
      return attackErrorMessage {
        for defence in chain.defences { try defence.check(parameterNames: golden.names) }
      }
    }
    #expect(try message("encrypt-layers:conv1,fc.bias") == nil)
    #expect(try message("encrypt-layers:conv")?.contains("conv1.weight, conv1.bias") == true)
    #expect(try message("encrypt-layers:conv1,conv10,fc")?.contains("every parameter") == true)
    #expect(try message("nvflare-exclude:^nothing")?.contains("found in no name") == true)
    #expect(try message("nvflare-exclude:.")?.contains("every parameter") == true)
  }

  @Test(arguments: [
    ("nvflare-exclude:", "regular expression"), ("nvflare-exclude", "regular expression"),
    ("nvflare-exclude:(", "no ) for its ("), ("encrypt-layers:a,,b", "names with commas"),
    ("nvflare-exclude:a\u{1B}", "control character"), ("nvflare-exclude:^fc+lora:2", "leave one"),
    ("flower-local-dp:1,1", "CLIP,SENSITIVITY,EPSILON,DELTA"),
    ("flower-local-dp:1,1,0,1e-5", "epsilon"),
    ("nvflare-percentile:101", "percentile"),
  ])
  func wrongFormsAreRefused(_ text: String, _ words: String) {
    let error = #expect(throws: DefenceError.self) { try DefenceChain(text) }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  /// A plus sign within brackets or behind a backslash belongs to the pattern.
  @Test func patternsStandInChains() throws {
    for text in [
      "nvflare-exclude:(conv\\d+|fc)\\+b+fp16", "fp16+nvflare-exclude:[+]",
      "encrypt-layers:a.b,c+int8",
    ] {
      let chain = try DefenceChain(text)
      #expect(chain.description == text && chain.defences.count == 2)
      #expect(
        try JSONDecoder().decode(DefenceChain.self, from: JSONEncoder().encode(chain)) == chain)
    }
  }

  @Test func privacyIsSaidAsAClaimOrNotAtAll() throws {
    #expect(try defence("nvflare-percentile").descriptor.privacy == .deterministic)
    let claims = ["flower-local-dp:1,1e-4,10,1e-5", "nvflare-svt"].map {
      (try? defence($0) as? any UpdateDefence)?.claimedPrivacy
    }
    #expect(
      claims == [PrivacyClaim(epsilon: 10, delta: 1e-5), PrivacyClaim(epsilon: 0.1, delta: 0)])
    for kind in DefenceCatalog.all where kind.privacy == .deterministic {
      #expect(kind.privacy?.description.contains("epsilon is infinite") == true)
    }
  }
}
