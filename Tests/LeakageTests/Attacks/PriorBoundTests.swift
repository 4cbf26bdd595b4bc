import CPUBackend
import Clients
import Foundation
import Solvers
import TensorGraph
import Testing

@testable import Attacks

@Suite struct PriorBoundTests {
  private let backend = CPUBackend()

  private func bound(
    _ weighted: WeightedModel, labels: [Int], isGrouped: Bool = true, seed: UInt64 = 0
  ) throws -> PriorBound {
    let signature = UpdateSignature(weighted.model, batchSize: labels.count)
    let products = try GaussNewtonProducts(
      weighted, signature, labels: labels, dtype: .f64, backend: backend)
    let order = labels.count * weighted.model.inputShape.elementCount
    var basis: (vectors: HostBuffer, values: [Double])?
    if isGrouped {
      let middle = [Double](repeating: 0.5, count: order)
      middle.withUnsafeBufferPointer { products.move(to: $0) }
      let matrix = HostBuffer(TensorType([order, order], .f64))
      #expect(try products.assemble(into: matrix, shouldStop: { false }))
      let values = backend.linearAlgebra.symmetricEigenvalues(matrix, vectors: true)
      basis = (matrix, try #require(values))
    }
    return try #require(
      try PriorBound(products, order: order, basis: basis, seed: seed, { false }))
  }

  /// The best estimate of one pixel value is its mean given the noisy gradient, here by sums over a grid of 400 values: its
  /// squared error, averaged over the prior and the noise, is above the bound, and not far above where noise is weak.
  @Test(arguments: [(1e-4, 2.5), (1e-2, 20), (1, 20)])
  func noEstimateIsBetter(noise: Double, factor: Double) throws {
    let model = try ModelCatalog.model(
      named: "mlp", ModelOptions(inputShape: [1, 1, 1], classCount: 2, width: 4, depth: 1))
    let weighted = WeightedModel(untrained: model, seed: 3)
    let count = 400
    let grid = (0..<count).map { (Double($0) + 0.5) / Double(count) }
    let prior = grid.map { 2 * sin(.pi * $0) * sin(.pi * $0) / Double(count) }
    let gradients = try grid.map { value in
      try weighted.share(
        images: Tensor([1, 1, 1, 1], .f64, [value]), labels: [1], backend: backend
      ).gradients.flatMap(\.doubles)
    }
    var source = RandomSource(seed: 5)
    var total = 0.0
    let tries = 400
    for _ in 0..<tries {
      var share = source.uniform()
      let truth = prior.firstIndex { mass in
        share -= mass
        return share < 0
      }
      let place = truth ?? count - 1
      let seen = gradients[place].map { $0 + noise.squareRoot() * source.normal() }
      let distances = gradients.map {
        zip($0, seen).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
      let least = distances.min() ?? 0
      let weights = zip(distances, prior).map { $1 * exp(-($0 - least) / (2 * noise)) }
      let mean = zip(weights, grid).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
      total += (mean - grid[place]) * (mean - grid[place])
    }
    let error = total / Double(tries)
    let least = try bound(weighted, labels: [1]).error(noiseVariance: noise)
    // 400 tries: a tenth of scatter.
    #expect(least < 1.1 * error && error < factor * least, "\(error), bound \(least)")
  }

  @Test func groupsOfDirectionsTightenIt() throws {
    let model = try ModelCatalog.model(
      named: "lenet", ModelOptions(inputShape: [1, 6, 6], classCount: 4, width: 10))
    let weighted = WeightedModel(untrained: model, seed: 1)
    let (grouped, plain) = (
      try bound(weighted, labels: [0, 3]), try bound(weighted, labels: [0, 3], isGrouped: false)
    )
    #expect(grouped.groups.count > 1 && plain.groups.count == 1)
    #expect(grouped.unknowns == 72 && plain.unknowns == 72)
    // Another seed draws other pictures.
    let other = try bound(weighted, labels: [0, 3], seed: 1)
    for exponent in [-10.0, -6, -3, 0] {
      let variance = pow(10, exponent)
      let error = grouped.error(noiseVariance: variance)
      #expect(error >= 0.999 * plain.error(noiseVariance: variance))
      #expect(abs(other.error(noiseVariance: variance) / error - 1) < 0.3)
    }
    #expect(grouped.error(noiseVariance: 1e-8) > 1.5 * plain.error(noiseVariance: 1e-8))
    // Without any information the prior alone: below its variance.
    let prior = 1 / PriorBound.fisherInformation
    #expect(abs(grouped.error(noiseVariance: 1e12) - prior) < 1e-6 * prior)
  }
}
