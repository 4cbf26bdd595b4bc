import TensorGraph

/// Whether a reconstruction tells its original from others: the image identifiability precision of Yin
/// et al. 2021 (arXiv 2104.07586, section 4.1), on pixels instead of deep features, so that it needs no
/// trained network.
package enum Identification {
  /// Whether `original`, of all candidates, has the least mean squared error from the reconstruction.
  ///
  /// The reconstruction is scaled to each candidate's mean and contrast first, so that a picture that is
  /// recognisable but pale counts for what it shows.
  ///
  /// - Parameter others: images of the same shape; any that equals the original is left out.
  /// - Returns: nil without others.
  package static func identifies(
    _ reconstruction: Tensor, _ original: Tensor, among others: [Tensor]
  ) -> Bool? {
    let others = others.filter { $0.doubles != original.doubles }
    guard !others.isEmpty else { return nil }
    let own = normalized(reconstruction)
    func distance(_ candidate: Tensor) -> Double {
      ImageMetrics.meanSquaredError(own, normalized(candidate))
    }
    let nearest = distance(original)
    return nearest.isFinite && others.allSatisfy { distance($0) > nearest }
  }

  /// With mean 0 and variance 1; zeros where there is no contrast.
  private static func normalized(_ image: Tensor) -> [Double] {
    let values = image.doubles
    let count = Double(max(values.count, 1))
    let mean = values.reduce(0, +) / count
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let scale = variance > 0 ? 1 / variance.squareRoot() : 0
    return values.map { ($0 - mean) * scale }
  }
}
