import CPUBackend
import Clients
import Solvers
import TensorGraph
import Testing

@testable import Attacks

/// Searches of choices and numbers within bounds.
@Suite struct StructuredInputTests {
  private let inputs = StructuredInputs(
    structure: InputStructure([
      .number(0, -2...3, grid: nil), .choice(1..<4), .number(4, 0...0, grid: nil),
    ]), count: 2)

  @Test func valuesKeepToTheStructure() {
    var source = RandomSource(seed: 3)
    let free = (0..<10).map { _ in 4 * source.normal() }
    let values = free.withUnsafeBufferPointer { inputs.values(of: $0, temperature: 0.5) }
    for start in [0, 5] {
      #expect(values[start] >= -2 && values[start] <= 3 && values[start + 4] == 0)
      let sum: Double = values[start + 1] + values[start + 2] + values[start + 3]
      #expect(abs(sum - 1) < 1e-12)
    }
  }

  @Test func slopesAreThoseOfFiniteDifferences() {
    var source = RandomSource(seed: 4)
    let free = (0..<10).map { _ in source.normal() }
    let factors = (0..<10).map { _ in source.normal() }
    func value(_ free: [Double]) -> Double {
      let values = free.withUnsafeBufferPointer { inputs.values(of: $0, temperature: 0.7) }
      var sum = 0.0
      for index in values.indices { sum += values[index] * values[index] * factors[index] }
      return sum
    }
    let values = free.withUnsafeBufferPointer { inputs.values(of: $0, temperature: 0.7) }
    var slope = zip(values, factors).map { 2 * $0 * $1 }
    slope.withUnsafeMutableBufferPointer {
      inputs.pullBack($0, at: values, temperature: 0.7)
    }
    for index in 0..<10 {
      var (left, right) = (free, free)
      left[index] -= 1e-5
      right[index] += 1e-5
      #expect(abs((value(right) - value(left)) / 2e-5 - slope[index]) < 1e-8)
    }
  }

  @Test func startsAreMatchedWithinLabelsAndPooled() {
    let first = [0.0, 1, 0, 0, 0, 1, 0, 1, 0, 0]
    let swapped = Array(first[5...] + first[..<5])
    #expect(inputs.aligned(swapped, to: first, labels: [1, 1]) == first)
    #expect(inputs.aligned(swapped, to: first, labels: [0, 1]) == swapped)
    let other = [0.5, 0, 1, 0, 0, 2, 0, 1, 0, 0]
    let far = [3.0, 1, 0, 0, 0, 1.5, 0, 0, 1, 0]
    let pooled = inputs.pooled([first, other, far])
    #expect(pooled[0] == 0.5 && pooled[5] == 1.5)
    let expected: [Double] = [2.0 / 3, 1.0 / 3, 0]
    for index in 0..<3 { #expect(abs(pooled[index + 1] - expected[index]) < 1e-12) }
  }

  @Test func projectionsAreExamplesThatCouldBe() {
    let structure = InputStructure([
      .number(0, -2...3, grid: .init(origin: 0.25, step: 0.5)), .choice(1..<4),
      .number(4, -1...1, grid: nil),
    ])
    #expect(structure.projectedBatch([0.6, 0.1, 2, 1.9, 5]) == [0.75, 0, 1, 0, 1])
    // What stands for a missing number is on no grid.
    #expect(structure.projected([0.04, -3, -1, -2, -0.5]) == [0, 0, 1, 0, -0.5])
  }

  /// Neighbouring columns have nothing in common, unlike pixels.
  @Test func whatIsBelievedOfInputsIsOfEachAlone() {
    let structure = InputStructure([
      .number(0, -3...3, grid: nil), .choice(1..<3), .number(3, 0...4, grid: nil),
    ])
    let prior = PixelPrior(shape: [2, 1, 1, 4], noiseVariance: 0.5, structure: structure)
    func energy(_ point: [Double]) -> (Double, [Double]) {
      var slope = [Double](repeating: 0, count: point.count)
      let value = point.withUnsafeBufferPointer { point in
        slope.withUnsafeMutableBufferPointer { prior.addEnergy(at: point, gradient: $0) }
      }
      return (value, slope)
    }
    let means = [0, 0.5, 0.5, 2.0]
    #expect(energy(means + means) == (0, [Double](repeating: 0, count: 8)))
    let (value, slope) = energy(means + [2, 0.5, 0.5, 3])
    #expect(value == 0.5 * (4 + 0.25) && slope == [0, 0, 0, 0, 2, 0, 0, 0.25])
  }

  @Test func picturesAreRefused() throws {
    let client = try AttackedClient.leNet()
    let plan = AttackPresets.tabLeak.plan
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(.plan, defaultsOf: plan))
    }
    #expect(message?.contains("rows of a table") == true)
    var changed = plan
    changed.prior.totalVariation.weight = 1
    #expect(throws: AttackError.self) { try changed.validate() }
  }
}
