import TensorGraph
import Testing

@testable import Solvers

/// Expected numbers come from the algorithms' authors or from an independent Python version.
struct RandomSourceTests {
  @Test func splitMix64MatchesItsReference() {
    var generator = SplitMix64(state: 1_234_567)
    let numbers = (0..<5).map { _ in generator.next() }
    #expect(
      numbers == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
        4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
      ])
  }

  @Test func xoshiroMatchesItsReference() {
    var generator = Xoshiro256PlusPlus(1, 2, 3, 4)
    let numbers = (0..<10).map { _ in generator.next() }
    #expect(
      numbers == [
        41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386,
        9_228_616_714_210_784_205, 9_973_669_472_204_895_162, 14_011_001_112_246_962_877,
        12_406_186_145_184_390_807, 15_849_039_046_786_891_736, 10_450_023_813_501_588_000,
      ])
  }

  @Test func drawsAreBitExact() {
    var bits = RandomSource(seed: 7)
    #expect(
      (0..<3).map { _ in bits.next() } == [
        1_021_219_803_524_665_661, 3_174_977_118_032_272_916, 13_236_943_193_235_544_178,
      ])
    var uniform = RandomSource(seed: 7)
    #expect(
      (0..<3).map { _ in uniform.uniform(in: -0.5..<0.5) } == [
        -0x1.c74f97ff5545cp-2, -0x1.4fc0dc8816c5ap-2, 0x1.bd988d9d86a2cp-3,
      ])
    var order = RandomSource(seed: 7)
    #expect(order.permutation(of: 10) == [7, 9, 3, 6, 0, 4, 5, 2, 8, 1])
  }

  @Test func normalNumbersMatchTheReference() {
    var source = RandomSource(seed: 7)
    let expected = [1.674036445441065, -0.560049561941806, 0.5378981681989655, -0.0397876500248916]
    for value in expected { #expect(abs(source.normal() - value) < 1e-15) }
  }

  @Test func derivedStreamsAreBitExact() {
    let source = RandomSource(seed: 7)
    let streams = [
      source.derive(label: "weights"), source.derive(label: "images"), source.derive(index: 0),
      source.derive(index: 1), source.derive(index: -1),
      source.derive(label: "trial").derive(index: 3),
    ]
    let expected: [UInt64] = [
      15_474_236_906_382_508_165, 12_007_489_283_685_836_756, 16_798_102_773_729_648_091,
      9_039_819_764_371_654_685, 3_989_155_633_531_512_093, 12_629_777_007_284_522_294,
    ]
    for (stream, number) in zip(streams, expected) {
      var stream = stream
      #expect(stream.next() == number)
    }
  }

  @Test func derivedStreamsDoNotDependOnDraws() {
    let fresh = RandomSource(seed: 1)
    var used = fresh
    _ = used.normalTensor([5], .f64)
    #expect(used.derive(label: "x") == fresh.derive(label: "x"))
    #expect(used.derive(index: 2) == fresh.derive(index: 2))
  }

  @Test func bothPrecisionsSeeTheSameNumbers() {
    var double = RandomSource(seed: 3)
    var single = RandomSource(seed: 3)
    let wide = double.uniformTensor([4, 5], .f64, in: -2..<3)
    let narrow = single.uniformTensor([4, 5], .f32, in: -2..<3)
    #expect(wide.converted(to: .f32) == narrow)
    #expect(
      double.normalTensor([7], .f64, mean: 1, standardDeviation: 2).converted(to: .f32)
        == single.normalTensor([7], .f32, mean: 1, standardDeviation: 2))
    #expect(wide.doubles.allSatisfy { (-2..<3).contains($0) })
  }

  @Test func momentsAreThoseOfTheDistributions() {
    var source = RandomSource(seed: 11)
    let count = 20_000
    let normal = source.normalTensor([count], .f64).doubles
    let uniform = source.uniformTensor([count], .f64).doubles
    func moment(_ values: [Double], _ power: Int) -> Double {
      values.reduce(0) { sum, value in
        sum + (0..<power).reduce(1) { product, _ in product * value }
      } / Double(count)
    }
    // Five standard errors of each estimate.
    #expect(abs(moment(normal, 1)) < 0.036)
    #expect(abs(moment(normal, 2) - 1) < 0.05)
    #expect(abs(moment(normal, 4) - 3) < 0.35)
    #expect(abs(moment(uniform, 1) - 0.5) < 0.0103)
    #expect(abs(moment(uniform, 2) - 1 / 3) < 0.0106)
  }

  @Test func tinyRangesNeverReachTheUpperBound() {
    var source = RandomSource(seed: 5)
    let range = 1.0..<1.0.nextUp
    for _ in 0..<100 { #expect(range.contains(source.uniform(in: range))) }
  }

  @Test func permutationsAreFair() {
    var source = RandomSource(seed: 9)
    var counts: [[Int]: Int] = [:]
    for _ in 0..<6000 { counts[source.permutation(of: 3), default: 0] += 1 }
    #expect(counts.count == 6)
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 150 })
    #expect(source.permutation(of: 0) == [] && source.permutation(of: 1) == [0])
  }
}
