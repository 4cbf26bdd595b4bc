import Attacks
import CPUBackend
import Clients
import Solvers
import TensorGraph
import Testing

@Suite struct GradientAnalysisTests {
  private func analysis(width: Int) throws -> GradientAnalysis {
    let model = try ModelCatalog.model(
      named: "lenet", ModelOptions(inputShape: [1, 6, 6], classCount: 4, width: width))
    var source = RandomSource(seed: 2)
    return try GradientAnalysis(
      WeightedModel(untrained: model, seed: 1),
      images: source.uniformTensor([2, 1, 6, 6], .f64), labels: [0, 3], backend: CPUBackend())
  }

  @Test func aWideModelDeterminesEveryPixel() throws {
    let analysis = try analysis(width: 10)
    #expect(analysis.isDetermined && analysis.rank == 72)
    let determinacy = try #require(analysis.determinacy)
    #expect(determinacy.doubles.allSatisfy { abs($0 - 1) < 1e-9 })
    // The trace of the inverse, by eigenvalues and by its diagonal.
    let amplification = try #require(analysis.noiseAmplification)
    let byPixels = amplification.doubles.reduce(0, +) / 72
    let bound = try #require(analysis.cramerRaoError(noiseVariance: 1))
    #expect(abs(byPixels - bound) < 1e-9 * bound)
  }

  /// What jumps tells more than its derivatives: no bound by these.
  @Test(arguments: [(Activation.sigmoid, true), (.relu, false), (.leakyReLU, false), (.silu, true)])
  func onlySmoothModelsHaveABound(activation: Activation, isBounded: Bool) throws {
    let model = try ModelCatalog.model(
      named: "lenet",
      ModelOptions(inputShape: [1, 6, 6], classCount: 4, activation: activation, width: 10))
    var source = RandomSource(seed: 2)
    let analysis = try GradientAnalysis(
      WeightedModel(untrained: model, seed: 1), images: source.uniformTensor([1, 1, 6, 6], .f64),
      labels: [0], backend: CPUBackend())
    #expect((analysis.priorBound != nil) == isBounded)
  }

  @Test func aNarrowModelDoesNot() throws {
    let analysis = try analysis(width: 1)
    #expect(analysis.rank <= analysis.equationBound)
    #expect(analysis.equationBound < 72 && !analysis.isDetermined)
    #expect(analysis.cramerRaoError(noiseVariance: 1) == nil)
    let share = try #require(analysis.determinacy).doubles.reduce(0, +)
    #expect(abs(share - Double(analysis.rank)) < 1e-8)
    #expect(analysis.condition == .infinity)
  }

  @Test func noiseBoundsAreOrdered() throws {
    let analysis = try analysis(width: 10)
    var last = 0.0
    for exponent in -12...2 {
      var variance = 1.0
      for _ in 0..<abs(exponent) { variance *= exponent < 0 ? 0.1 : 10 }
      let error = analysis.bayesianError(noiseVariance: variance)
      #expect(error > last && error <= 1.0 / 12 + 1e-12)
      let unbiased = try #require(analysis.cramerRaoError(noiseVariance: variance))
      #expect(error <= unbiased)
      last = error
    }
    let variance = try #require(analysis.noiseVariance(forPSNR: 30))
    #expect(abs(analysis.bayesianError(noiseVariance: variance) - 1e-3) < 1e-9)
    #expect(analysis.noiseVariance(forPSNR: 5) == nil)
  }

  @Test(arguments: [2, 10])
  func anEstimateAgreesWithAllEigenvalues(width: Int) throws {
    let model = try ModelCatalog.model(
      named: "lenet", ModelOptions(inputShape: [1, 20, 20], classCount: 4, width: width))
    var source = RandomSource(seed: 2)
    let images = source.uniformTensor([2, 1, 20, 20], .f64)
    let weighted = WeightedModel(untrained: model, seed: 1)
    func analysis(memoryLimit: Int) throws -> GradientAnalysis {
      try GradientAnalysis(
        weighted, images: images, labels: [0, 3], memoryLimit: memoryLimit, backend: CPUBackend())
    }
    let exact = try analysis(memoryLimit: 1 << 30)
    let estimate = try analysis(memoryLimit: 3 << 20)
    #expect(exact.spectrum.isExact && !estimate.spectrum.isExact)
    #expect(estimate.spectrum.expanded.count == 800)
    // The probes are random.
    #expect(Double(estimate.rank) <= 1.05 * Double(exact.rank) && estimate.determinacy == nil)
    #expect(estimate.cramerRaoError(noiseVariance: 1) == nil)
    let largest = try #require(exact.spectrum.eigenvalues.first)
    #expect(abs(estimate.spectrum.eigenvalues[0] - largest) < 1e-9 * largest)
    for share in [1e-8, 1e-6, 1e-4, 1e-2] {
      let ratio =
        estimate.bayesianError(noiseVariance: share * largest)
        / exact.bayesianError(noiseVariance: share * largest)
      #expect(abs(ratio - 1) < 0.1, "at \(share) of the largest: \(ratio)")
    }
  }

  @Test func memoryForNotEvenAnEstimateIsRefused() throws {
    let model = try ModelCatalog.model(named: "lenet")
    let message = attackErrorMessage {
      _ = try GradientAnalysis(
        WeightedModel(untrained: model, seed: 1),
        images: Tensor([1, 3, 32, 32], .f64, repeating: 0.5), labels: [0], memoryLimit: 1 << 20,
        backend: CPUBackend())
    }
    #expect(message?.contains("needs 5 MiB, more than the limit of 1 MiB") == true)
  }
}
