import Foundation
import Solvers
import TensorGraph

/// What the units of a layer answer to a number of inputs, before their activation.
struct UnitResponses: Sendable {
  /// Inputs that a layer is tried with.
  static let sampleCount = 256

  /// [inputs, units] in row-major order.
  let values: [Double]
  let count: Int
  /// Whether the inputs are images, changed by nothing that is trained.
  let areToImages: Bool
  /// Mean and standard deviation of each unit.
  let means: [Double]
  let deviations: [Double]

  var inputCount: Int { values.count / max(count, 1) }

  /// - Parameter products: what the weight alone gives.
  init(products: [Double], bias: [Double]?, count: Int, areToImages: Bool) {
    var values = products
    if let bias {
      for index in values.indices { values[index] += bias[index % count] }
    }
    let inputs = values.count / max(count, 1)
    var means = [Double](repeating: 0, count: count)
    var squares = means
    for input in 0..<inputs {
      for unit in 0..<count { means[unit] += values[input * count + unit] / Double(inputs) }
    }
    for input in 0..<inputs {
      for unit in 0..<count {
        let difference = values[input * count + unit] - means[unit]
        squares[unit] += difference * difference / Double(inputs)
      }
    }
    self.values = values
    self.count = count
    self.areToImages = areToImages
    self.means = means
    deviations = squares.map { $0.squareRoot() }
  }

  /// Each unit's answers with mean 0 and mean square 1, or 0 where it always answers alike:
  /// [units, inputs].
  func standardised() -> [[Double]] {
    let largest = deviations.max() ?? 0
    return (0..<count).map { unit in
      let scale = deviations[unit] > 1e-6 * largest ? 1 / deviations[unit] : 0
      return (0..<inputCount).map { (values[$0 * count + unit] - means[unit]) * scale }
    }
  }

  /// The share of inputs that each unit fires for.
  var activity: [Double] {
    (0..<count).map { unit in
      Double((0..<inputCount).count { values[$0 * count + unit] > 0 }) / Double(inputCount)
    }
  }
}

/// How well units sort examples into bins: those that measure one and the same number of the input
/// against different thresholds. Two of them that differ by the one example between their
/// thresholds give it away, as in Robbing the Fed (Fowl et al. 2022, arXiv 2110.13057).
struct UnitBins {
  /// How alike units must be to count as one measure.
  struct Likeness {
    /// Of their answers.
    let correlation: Double
    /// Of their weights.
    let cosine: Double
    /// Images of seven that the bins must isolate, in expectation, to be a finding.
    let expectedReads: Double
    /// Nil: the inputs are those that the layer was tried with. Otherwise the client's differ by this
    /// share of theirs, around the middle threshold.
    var spread: Double?
  }

  struct Group {
    let units: [Int]
    /// Images that are alone in a bin, in expectation, of seven.
    let expectedReads: Double
  }

  /// Fewer thresholds isolate fewer than two images of seven.
  static let leastUnits = 6
  static let batchSize = 7
  /// Units at most that groups are sought around.
  private static let probeCount = 1024

  private let standardised: [[Double]]
  private let correlations: [Double]
  private let cosines: [Double]
  private let probes: [Int]
  private let responses: UnitResponses

  init(
    _ rows: WeightRows, _ responses: UnitResponses, backend: any Backend
  ) throws(GraphError) {
    self.responses = responses
    standardised = responses.standardised()
    let step = max((rows.count + UnitBins.probeCount - 1) / UnitBins.probeCount, 1)
    let chosen = Array(stride(from: 0, to: rows.count, by: step))
    probes = chosen
    let units = WeightRows(standardised.flatMap { $0 }, count: standardised.count)
    let inputs = Double(max(responses.inputCount, 1))
    let rowsOfProbes = chosen.map { Array(units[$0]) }
    correlations = try units.products(with: rowsOfProbes, backend: backend).map { $0 / inputs }
    cosines = try rows.cosines(of: chosen, backend: backend)
  }

  /// The group of like units that isolates most.
  func best(_ likeness: Likeness) -> Group? {
    let count = standardised.count
    var best: Group?
    for (place, probe) in probes.enumerated() {
      let members = (0..<count).filter {
        abs(correlations[place * count + $0]) >= likeness.correlation
          && cosines[place * count + $0] >= likeness.cosine
      }
      guard members.count >= UnitBins.leastUnits else { continue }
      let reads = expectedReads(members, around: probe, place, likeness.spread)
      if reads > best?.expectedReads ?? 0 { best = Group(units: members, expectedReads: reads) }
    }
    return best
  }

  /// A unit fires where its measure u, the probe's standardised answer, passes -mean / deviation; those
  /// between two thresholds, and those above the last, are read when they are alone there.
  private func expectedReads(
    _ units: [Int], around probe: Int, _ place: Int, _ spread: Double?
  ) -> Double {
    let count = standardised.count
    let measure = standardised[probe].sorted()
    let thresholds = units.map { unit -> Double in
      let sign = correlations[place * count + unit] < 0 ? -1.0 : 1
      return -sign * responses.means[unit] / max(responses.deviations[unit], 1e-300)
    }.sorted()
    let total = Double(measure.count)
    var below = 0
    var shares: [Double] = []
    if let spread {
      let middle = thresholds[thresholds.count / 2]
      shares = thresholds.map { 0.5 * erfc((middle - $0) / (spread * 2.0.squareRoot())) }
    }
    for threshold in thresholds where spread == nil {
      while below < measure.count, measure[below] <= threshold { below += 1 }
      shares.append(Double(below) / total)
    }
    shares.append(1)
    let others = UnitBins.batchSize - 1
    return zip(shares, shares.dropFirst()).reduce(0) { sum, pair in
      let share = pair.1 - pair.0
      var alone = share * Double(UnitBins.batchSize)
      for _ in 0..<others { alone *= 1 - share }
      return sum + alone
    }
  }
}

/// Features above 0 of different strength, to try a layer with whose place is unknown.
enum SyntheticFeatures {
  static func rows(_ count: Int, width: Int) -> [Tensor] {
    var source = RandomSource(seed: 0).derive(label: "synthetic features")
    return (0..<count).map { _ in
      let strength = 0.2 + source.uniform()
      return Tensor([width], .f64, (0..<width).map { _ in strength * abs(source.normal()) })
    }
  }
}
