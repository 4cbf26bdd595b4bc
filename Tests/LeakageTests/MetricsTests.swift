import Attacks
import Foundation
import ModelIO
import Solvers
import TensorGraph
import Testing

struct MetricsTests {
  @Test(arguments: ["noisy", "different", "shifted", "grey", "flat"])
  func agreesWithScikitImage(_ name: String) throws {
    let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Fixtures/metrics").path
    let file = try SafetensorsFile(contentsOf: goldens + "/scikit-image.safetensors")
    func image(_ part: String) throws -> Tensor {
      let bytes = try file.tensor(named: "\(name).\(part)")
      return Tensor(bytes.shape, .f64, bytes.doubles.map { $0 / 255 })
    }
    let expected = try file.tensor(named: "\(name).measures").doubles
    let quality = try ReconstructionQuality(of: image("second"), original: image("first"))
    #expect(abs(quality.meanSquaredError - expected[0]) < 1e-14)
    #expect(abs(quality.peakSignalToNoiseRatio - expected[1]) < 1e-11)
    let similarity = try #require(quality.structuralSimilarity)
    #expect(abs(similarity - expected[2]) < 1e-12)
  }

  @Test func equalImagesAreInfinitelyGood() {
    var source = RandomSource(seed: 1)
    let image = source.uniformTensor([3, 12, 11], .f32)
    let quality = ReconstructionQuality(of: image, original: image)
    #expect(quality.meanSquaredError == 0)
    #expect(quality.peakSignalToNoiseRatio == .infinity)
    #expect(abs((quality.structuralSimilarity ?? 0) - 1) < 1e-12)
  }

  /// Rounding must not leave a similarity above 1.
  @Test func similarityIsAtMostOne() {
    for seed in UInt64(0)..<40 {
      var source = RandomSource(seed: seed)
      let image = source.uniformTensor([3, 14, 13], .f64)
      #expect(ImageMetrics.structuralSimilarity(image, image) ?? 2 <= 1)
    }
  }

  @Test func aShiftIsFound() {
    var source = RandomSource(seed: 3)
    let (height, width) = (24, 32)
    let wide = source.uniformTensor([2, height + 3, width + 2], .f64).doubles
    func window(_ top: Int, _ left: Int) -> Tensor {
      var elements: [Double] = []
      for channel in 0..<2 {
        for y in 0..<height {
          for x in 0..<width {
            elements.append(wide[(channel * (height + 3) + y + top) * (width + 2) + x + left])
          }
        }
      }
      return Tensor([2, height, width], .f64(elements))
    }
    let quality = ReconstructionQuality(of: window(3, 0), original: window(0, 2))
    #expect(quality.peakSignalToNoiseRatio < 12)
    #expect(quality.shiftedPeakSignalToNoiseRatio == .infinity)
    // Beyond the limit there is nothing to find.
    #expect(
      ImageMetrics.shiftedPeakSignalToNoiseRatio(window(3, 0), window(0, 2), limit: 2) < 12)
    let unrelated = source.uniformTensor([2, height, width], .f64)
    let other = ReconstructionQuality(of: unrelated, original: window(0, 0))
    #expect(other.shiftedPeakSignalToNoiseRatio >= other.peakSignalToNoiseRatio)
  }

  /// Against a transcription of the definition in NumPy and SciPy; see scripts/fixtures/metrics-gmsd.py.
  @Test(arguments: ["noisy", "different", "shifted", "grey", "flat"])
  func gradientMagnitudesAgreeWithTheirDefinition(_ name: String) throws {
    let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Fixtures/metrics").path
    let images = try SafetensorsFile(contentsOf: goldens + "/scikit-image.safetensors")
    let file = try SafetensorsFile(contentsOf: goldens + "/gmsd.safetensors")
    func image(_ part: String) throws -> Tensor {
      let bytes = try images.tensor(named: "\(name).\(part)")
      return Tensor(bytes.shape, .f64, bytes.doubles.map { $0 / 255 })
    }
    let expected = try file.tensor(named: name).doubles[0]
    let found = try #require(
      ImageMetrics.gradientMagnitudeSimilarityDeviation(image("first"), image("second")))
    #expect(abs(found - expected) < 1e-12)
    let same = try image("first")
    #expect(ImageMetrics.gradientMagnitudeSimilarityDeviation(same, same) == 0)
  }

  @Test func identificationIsByShapeNotByContrast() {
    var source = RandomSource(seed: 5)
    let images = (0..<6).map { _ in source.uniformTensor([3, 8, 8], .f64) }
    let pale = Tensor([3, 8, 8], .f64(images[2].doubles.map { 0.4 + 0.05 * $0 }))
    #expect(Identification.identifies(pale, images[2], among: images) == true)
    #expect(Identification.identifies(pale, images[3], among: images) == false)
    #expect(Identification.identifies(pale, images[2], among: [images[2]]) == nil)
    let diverged = Tensor([3, 8, 8], .f64, repeating: .nan)
    #expect(Identification.identifies(diverged, images[2], among: images) == false)
  }

  @Test func smallImagesHaveNoSimilarity() {
    let image = Tensor([1, 10, 30], .f64, repeating: 0.5)
    #expect(ImageMetrics.structuralSimilarity(image, image) == nil)
  }

  @Test func divergedReconstructionsAreNotANumber() {
    let image = Tensor([1, 11, 11], .f64, repeating: 0.5)
    let diverged = Tensor([1, 11, 11], .f64, repeating: .nan)
    #expect(ImageMetrics.peakSignalToNoiseRatio(diverged, image).isNaN)
  }

  @Test func baselinesAreAsExpected() {
    var source = RandomSource(seed: 2)
    let original = source.uniformTensor([3, 40, 40], .f64)
    // Variance 1/12 of the original, and as much again of a random guess.
    let grey = BaselineGuess.midGrey.quality(against: original, using: &source)
    #expect(abs(grey.meanSquaredError - 1 / 12) < 0.005)
    let random = BaselineGuess.random.quality(against: original, using: &source)
    #expect(abs(random.meanSquaredError - 1 / 6) < 0.01)
    #expect(abs(random.structuralSimilarity ?? 1) < 0.1)
  }
}

struct AssignmentTests {
  /// The least cost over all permutations.
  private func bruteForce(_ cost: [[Double]], row: Int = 0, used: Set<Int> = []) -> Double {
    if row == cost.count { return 0 }
    return cost.indices.filter { !used.contains($0) }.map { column in
      cost[row][column] + bruteForce(cost, row: row + 1, used: used.union([column]))
    }.min() ?? .infinity
  }

  @Test(arguments: 1...6) func isTheCheapest(_ count: Int) {
    var source = RandomSource(seed: UInt64(count))
    for round in 0..<20 {
      // Every second matrix has many ties.
      let cost = (0..<count).map { _ in
        (0..<count).map { _ in
          round % 2 == 0 ? source.normal() : Double(source.integer(below: 3))
        }
      }
      let columns = minimumCostAssignment(cost)
      #expect(Set(columns) == Set(0..<count))
      let total = columns.enumerated().reduce(0) { $0 + cost[$1.offset][$1.element] }
      #expect(abs(total - bruteForce(cost)) < 1e-12)
    }
  }

  @Test func nothingToAssign() {
    #expect(minimumCostAssignment([]) == [])
  }

  @Test func costsThatAreNotFiniteComeLast() {
    let columns = minimumCostAssignment([[.nan, 100, 1], [.infinity, 1, 1e300], [1, 50, .nan]])
    #expect(columns == [2, 1, 0])
    #expect(Set(minimumCostAssignment([[.nan, .nan], [.nan, .nan]])) == [0, 1])
  }

  @Test func batchesAreMatched() {
    var source = RandomSource(seed: 4)
    let originals = (0..<16).map { _ in source.uniformTensor([3, 6, 6], .f32) }
    let order = source.permutation(of: 16)
    let reconstructions = order.map { index in
      Tensor([3, 6, 6], .f32, originals[index].doubles.map { $0 + 0.1 * source.normal() })
    }
    let matches = matchBatch(reconstructions: reconstructions, originals: originals)
    for (original, match) in matches.enumerated() { #expect(order[match] == original) }
  }

  @Test func labelsTellApartAnImageThatStandsTwice() {
    var source = RandomSource(seed: 5)
    let image = source.uniformTensor([3, 6, 6], .f64)
    let other = source.uniformTensor([3, 6, 6], .f64)
    let near = Tensor(image.shape, .f64(image.doubles.map { $0 + 1e-3 * source.normal() }))
    let originals = [image, other, image]
    let matches = matchBatch(
      reconstructions: [near, image, other], originals: originals,
      labels: (reconstructions: [7, 2, 5], originals: [2, 5, 7]))
    #expect(matches == [1, 2, 0])
    // Between images that differ they have no say.
    let wrong = matchBatch(
      reconstructions: [near, image, other], originals: originals,
      labels: (reconstructions: [7, 5, 2], originals: [2, 5, 7]))
    #expect(wrong[1] == 2)
  }
}
