import Solvers
import Testing

@testable import Federation

@Suite struct VectorQuantizerTests {
  @Test func meansAreWithinTheBound() throws {
    var random = RandomSource(seed: 31)
    for rounding in [VectorQuantizer.Rounding.nearest, .stochastic] {
      for trial in 0..<50 {
        let count = 1 + trial % 9
        let quantizer = try VectorQuantizer(
          clientCount: 9, clip: 2, levels: 1 << 12, maxWeight: 1000, rounding: rounding)
        var (sum, mean) = ([UInt32](repeating: 0, count: 41), [Double](repeating: 0, count: 40))
        var total = 0
        for _ in 0..<count {
          let weight = 1 + random.integer(below: 1000)
          let values = (0..<40).map { _ in random.uniform(in: -2..<2) }
          let words = try quantizer.words(for: values, weight: weight, using: &random)
          for index in sum.indices { sum[index] &+= words[index] }
          for index in mean.indices { mean[index] += Double(weight) * values[index] }
          total += weight
        }
        let result = try quantizer.weightedMean(ofSum: sum)
        #expect(result.totalWeight == total)
        for (value, right) in zip(result.values, mean) {
          #expect(abs(value - right / Double(total)) <= quantizer.largestError + 1e-12)
        }
      }
    }
  }

  @Test func endsAndClips() throws {
    var random = RandomSource(seed: 32)
    let quantizer = try VectorQuantizer(clientCount: 3, clip: 1, levels: 4, rounding: .nearest)
    let words = try quantizer.words(for: [-1, 1, -7, 7, 0, 0.3, -0.0], using: &random)
    #expect(words == [1, 0, 4, 0, 4, 2, 3, 2])
    #expect(quantizer.wordCount(for: 7) == words.count && quantizer.step == 0.5)
    #expect(try quantizer.weightedMean(ofSum: words).values == [-1, 1, -1, 1, 0, 0.5, 0])
  }

  /// The mean over many draws is right: six standard deviations of at most half a step.
  @Test func stochasticRoundingIsUnbiased() throws {
    var random = RandomSource(seed: 33)
    let quantizer = try VectorQuantizer(clientCount: 1, clip: 1, levels: 10)
    let draws = 40_000
    let words = try quantizer.words(
      for: [Double](repeating: 0.137, count: draws), using: &random)
    let mean =
      try quantizer.weightedMean(ofSum: words).values.reduce(0, +) / Double(draws)
    #expect(Set(words.dropFirst()) == [5, 6])
    #expect(abs(mean - 0.137) < 6 * 0.1 / 200)
    var again = RandomSource(seed: 33)
    #expect(
      try quantizer.words(for: [Double](repeating: 0.137, count: draws), using: &again) == words)
  }

  @Test func sumsThatDoNotFitAreRefused() throws {
    #expect(try VectorQuantizer(clientCount: 1023).levels == 4_194_304)
    _ = try VectorQuantizer(clientCount: 65_535, levels: 65_537)
    for (count, levels, weight, words) in [
      (1024, 1 << 22, 1, "take at most 4194303 levels"),
      (10, 1 << 22, 1000, "take at most 429496 levels, or smaller weights"),
      (.max, 1, 2, "take smaller weights"), (1 << 33, 1, 1, "take smaller weights"),
      (2, .max, 1, "take at most 2147483647 levels"), (0, 1, 1, "positive"), (1, 0, 1, "positive"),
      (1, 1, -1, "positive"),
    ] as [(Int, Int, Int, String)] {
      let error = failure {
        _ = try VectorQuantizer(clientCount: count, levels: levels, maxWeight: weight)
      }
      #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }
    #expect(kind { _ = try VectorQuantizer(clientCount: 2, clip: 0) } == .badInput)
    #expect(kind { _ = try VectorQuantizer(clientCount: 2, clip: .nan) } == .badInput)
  }

  @Test func whatIsNoVectorIsRefused() throws {
    var random = RandomSource(seed: 34)
    let quantizer = try VectorQuantizer(clientCount: 2, levels: 8, maxWeight: 3)
    #expect(kind { _ = try quantizer.words(for: [.nan], using: &random) } == .badInput)
    #expect(kind { _ = try quantizer.words(for: [-.infinity], using: &random) } == .badInput)
    #expect(kind { _ = try quantizer.words(for: [0], weight: 4, using: &random) } == .badInput)
    #expect(kind { _ = try quantizer.words(for: [0], weight: 0, using: &random) } == .badInput)
    for sum in [[], [0], [7, 1], [2, 17]] as [[UInt32]] {
      #expect(kind { _ = try quantizer.weightedMean(ofSum: sum) } == .refused)
    }
    #expect(try quantizer.weightedMean(ofSum: [2, 16]).values == [8])
  }
}
