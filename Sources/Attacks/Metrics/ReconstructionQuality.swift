import Solvers
import TensorGraph

/// The measures of one reconstructed image against its original.
public struct ReconstructionQuality: Hashable, Sendable {
  /// Mean squared error of pixel values in 0...1.
  public let meanSquaredError: Double
  /// In dB, with peak 1; infinite when the images are equal.
  public let peakSignalToNoiseRatio: Double
  /// At most 1; nil when the image is smaller than the 11 x 11 window.
  public let structuralSimilarity: Double?
  /// PSNR in dB of the overlap after the best shift; see
  /// ``ImageMetrics/shiftedPeakSignalToNoiseRatio(_:_:limit:)``.
  public let shiftedPeakSignalToNoiseRatio: Double
  /// See ``ImageMetrics/gradientMagnitudeSimilarityDeviation(_:_:)``; nil for small images.
  public let gradientMagnitudeDeviation: Double?

  /// Compares two images [channels, height, width] with values in 0...1.
  public init(of reconstruction: Tensor, original: Tensor) {
    let error = ImageMetrics.meanSquaredError(reconstruction, original)
    meanSquaredError = error
    peakSignalToNoiseRatio = ImageMetrics.peakSignalToNoiseRatio(meanSquaredError: error)
    structuralSimilarity = ImageMetrics.structuralSimilarity(reconstruction, original)
    shiftedPeakSignalToNoiseRatio = ImageMetrics.shiftedPeakSignalToNoiseRatio(
      reconstruction, original)
    gradientMagnitudeDeviation = ImageMetrics.gradientMagnitudeSimilarityDeviation(
      reconstruction, original)
  }
}

/// Finds which reconstruction of a batch belongs to which original.
///
/// A gradient is a sum over the batch, so it says nothing of the order of the images.
///
/// - Parameters:
///   - reconstructions: at least as many as originals.
///   - labels: of both, in their orders: where an image stands in the batch twice, they tell which is
///     which.
/// - Returns: for each original the index of its reconstruction, such that the sum of the mean
///   squared errors is least.
public func matchBatch(
  reconstructions: [Tensor], originals: [Tensor],
  labels: (reconstructions: [Int?], originals: [Int?])? = nil
) -> [Int] {
  precondition(
    reconstructions.count >= originals.count,
    "\(reconstructions.count) reconstructions for \(originals.count) originals")
  let shapes = Set((reconstructions + originals).map(\.shape))
  precondition(shapes.count <= 1, "images of different shapes: \(shapes)")
  let candidates = reconstructions.map(\.doubles)
  var cost = originals.map { original in
    let target = original.doubles
    return candidates.map { ImageMetrics.meanSquaredError($0, target) }
  }
  if let labels {
    // Far below what tells images apart.
    let penalty = 1e-13
    for (row, label) in labels.originals.enumerated() {
      for (column, found) in labels.reconstructions.enumerated() where found != label {
        cost[row][column] += penalty
      }
    }
  }
  // Reconstructions that are nobody's cost nothing.
  while cost.count < candidates.count {
    cost.append([Double](repeating: 0, count: candidates.count))
  }
  return Array(minimumCostAssignment(cost).prefix(originals.count))
}
