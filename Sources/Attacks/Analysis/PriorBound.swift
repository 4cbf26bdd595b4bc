import Clients
import Privacy
import Solvers
import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What no reconstruction can do better, on average over a stated prior of pictures: the van Trees inequality for
/// Gaussian noise on the gradient, with an upper confidence limit of what the gradient tells.
///
/// For u = g(x) + N(0, σ²I) and a prior density of x that vanishes at its ends, with Fisher information I, the mean squared
/// error of any estimator, biased or not, is at least tr (E JᵀJ / σ² + I)⁻¹, J being the derivative of g by x and the mean
/// that over the prior (Van Trees 1968, section 2.4.3; Gill and Levit 1995, https://doi.org/10.2307/3318681). Nothing is linearised.
/// It takes a g without jumps: where a ReLU switches, the gradient jumps, which tells of x what no derivative does, so that models
/// with such corners have no bound of this kind. Projectors on groups of directions that share x bound the trace from below:
/// Σ d² / (tr P E JᵀJ P / σ² + i d), d being a group's dimension; any groups give a valid bound, and those of similar
/// eigenvalues lose little. The traces are means of ‖J P z‖², z normal, over pictures drawn from the prior (Hutchinson 1990).
package struct PriorBound: Sendable {
  /// Directions of similar eigenvalues.
  struct Group: Sendable {
    let dimension: Int
    /// Of the group's trace of JᵀJ: the mean over draws, and a limit above the true one, for all groups together at
    /// ``PriorBound/confidence``.
    let mean, limit: Double
  }

  /// Pixel values are independent, each of density 2 sin² πx in 0...1: mean 0.5, variance 1/12 - 1/(2π²) = 0.0327, and
  /// Fisher information 4π². (Uniform ones, which jump at the ends, have none.)
  package static let fisherInformation = 4 * Double.pi * Double.pi
  /// At which the limits hold together, by the normal approximation of means.
  package static let confidence = 0.95
  /// Pictures drawn from the prior.
  package static let draws = 100
  /// Groups at most.
  fileprivate static let groupLimit = 10

  let groups: [Group]

  /// Pixel values of the batch.
  package var unknowns: Int { groups.reduce(0) { $0 + $1.dimension } }

  /// The least mean squared error per pixel value of any reconstruction, averaged over the prior, when Gaussian noise of this
  /// variance is added to every component of the gradient; at ``confidence``.
  package func error(noiseVariance: Double) -> Double {
    let total = groups.reduce(0) { sum, group in
      let dimension = Double(group.dimension)
      return sum + dimension * dimension
        / (group.limit / noiseVariance + PriorBound.fisherInformation * dimension)
    }
    return total / Double(unknowns)
  }

  /// Measured by derivatives at pictures drawn from the prior.
  ///
  /// - Parameters:
  ///   - products: JᵀJ v at any batch; moved.
  ///   - order: pixel values of a batch.
  ///   - basis: eigenvectors of JᵀJ as rows, and their eigenvalues, ascending: at any batch, since the bound holds for every basis
  ///     that the draws had no part in. Nil where they are not known: all directions are then one group, and the bound is weak.
  ///   - seed: of the draws.
  /// - Returns: nil where `shouldStop` said so, or the gradient is not finite at some of these pictures.
  init?(
    _ products: GaussNewtonProducts, order: Int, basis: (vectors: HostBuffer, values: [Double])?,
    seed: UInt64, _ shouldStop: () -> Bool
  ) throws(GraphError) {
    let source = RandomSource(seed: seed).derive(label: "prior bound")
    var pictures = source.derive(label: "pictures")
    let directions = Directions(order: order, basis)
    var probes = source.derive(label: "probes")
    var traces = [[Double]](repeating: [], count: directions.ranges.count)
    for _ in 0..<PriorBound.draws {
      products.move(toPrior: order, &pictures)
      for (group, range) in directions.ranges.enumerated() {
        guard !shouldStop() else { return nil }
        let probe = directions.normal(in: range, &probes)
        traces[group].append(try products.squaredNorm(of: probe))
      }
    }
    groups = zip(directions.ranges, traces).map {
      Group(dimension: $0.count, $1, groups: traces.count)
    }
    guard groups.allSatisfy(\.limit.isFinite) else { return nil }
  }
}

extension PriorBound.Group {
  /// - Parameters:
  ///   - traces: one estimate for each draw.
  ///   - groups: how many limits hold together (Bonferroni).
  fileprivate init(dimension: Int, _ traces: [Double], groups: Int) {
    self.dimension = dimension
    let moments = SampleMoments(traces)
    mean = moments.mean
    let quantile = NormalDistribution.quantile(1 - (1 - PriorBound.confidence) / Double(groups))
    limit =
      moments.mean + quantile * moments.deviation / Double(traces.count).squareRoot()
  }
}

/// An orthonormal basis, in groups of similar eigenvalues.
private struct Directions {
  /// As rows; nil for the pixels themselves.
  private let basis: HostBuffer?
  private let order: Int
  /// Of rows.
  let ranges: [Range<Int>]

  init(order: Int, _ basis: (vectors: HostBuffer, values: [Double])?) {
    self.basis = basis?.vectors
    self.order = order
    ranges = basis.map { Directions.ranges($0.values) } ?? [0..<order]
  }

  /// Equal parts of the eigenvalues' range of magnitudes.
  private static func ranges(_ ascending: [Double]) -> [Range<Int>] {
    let largest = max(ascending.last ?? 0, .leastNormalMagnitude)
    let parts = Double(PriorBound.groupLimit)
    // Below rounding all are alike.
    let place = ascending.map { value in
      min(Int((log10(max(value / largest, 1e-15)) + 15) * parts / 15), PriorBound.groupLimit - 1)
    }
    var ranges: [Range<Int>] = []
    var start = 0
    for index in 1...ascending.count
    where index == ascending.count || place[index] != place[start] {
      ranges.append(start..<index)
      start = index
    }
    return ranges
  }

  /// A standard normal vector of the space that some of the directions span.
  func normal(in range: Range<Int>, _ source: inout RandomSource) -> [Double] {
    guard let basis else { return (0..<order).map { _ in source.normal() } }
    let rows = basis.pointer(as: Double.self)
    var result = [Double](repeating: 0, count: order)
    for row in range {
      let share = source.normal()
      for column in 0..<order { result[column] += share * rows[row * order + column] }
    }
    return result
  }
}

extension GaussNewtonProducts {
  /// Moves to pictures drawn from the prior, by rejection.
  fileprivate func move(toPrior order: Int, _ source: inout RandomSource) {
    let point = (0..<order).map { _ in
      while true {
        let value = source.uniform()
        let height = sin(Double.pi * value)
        if source.uniform() < height * height { return value }
      }
    }
    point.withUnsafeBufferPointer { move(to: $0) }
  }

  /// ‖J v‖².
  fileprivate func squaredNorm(of direction: [Double]) throws(GraphError) -> Double {
    var product = [Double](repeating: 0, count: direction.count)
    let outcome = Result { () throws(GraphError) in
      try direction.withUnsafeBufferPointer { direction throws(GraphError) in
        try product.withUnsafeMutableBufferPointer { product throws(GraphError) in
          try multiply(direction, into: product)
        }
      }
    }
    try outcome.get()
    return max(zip(direction, product).reduce(0) { $0 + $1.0 * $1.1 }, 0)
  }
}
