import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension ImageMetrics {
  /// Structural similarity of two images [channels, height, width] with data range 1.
  ///
  /// Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
  /// structural similarity", 2004: 11 x 11 Gaussian window with standard deviation 1.5, K1 = 0.01,
  /// K2 = 0.03. Windows lie fully inside the image, and the mean goes over positions and then
  /// channels, as in scikit-image's `structural_similarity(gaussian_weights=True,
  /// use_sample_covariance=False)`.
  ///
  /// - Returns: at most 1, which equal images reach; nil when a side is shorter than the window.
  public static func structuralSimilarity(_ first: Tensor, _ second: Tensor) -> Double? {
    precondition(first.shape == second.shape, "cannot compare \(first.shape) with \(second.shape)")
    precondition(
      first.shape.rank == 3, "an image has the shape [channels, height, width], not \(first.shape)")
    let (channels, height, width) = (first.shape[0], first.shape[1], first.shape[2])
    guard channels > 0, height >= windowSize, width >= windowSize else { return nil }
    let (a, b) = (first.doubles, second.doubles)
    var sum = 0.0
    for channel in 0..<channels {
      let range = channel * height * width..<(channel + 1) * height * width
      sum += similarity(Array(a[range]), Array(b[range]), height: height, width: width)
    }
    // Rounding may leave equal images a few units in the last place above 1.
    let mean = sum / Double(channels)
    return mean > 1 ? 1 : mean
  }

  private static let windowSize = 11

  /// The window's weights along one axis; their sum is 1.
  private static let window: [Double] = {
    let weights = (0..<windowSize).map { index in
      let distance = Double(index - windowSize / 2)
      return exp(-distance * distance / (2 * 1.5 * 1.5))
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }()

  private static func similarity(
    _ a: [Double], _ b: [Double], height: Int, width: Int
  ) -> Double {
    func average(_ values: [Double]) -> [Double] {
      windowed(values, height: height, width: width)
    }
    let meanA = average(a)
    let meanB = average(b)
    let squareA = average(zip(a, a).map { $0 * $1 })
    let squareB = average(zip(b, b).map { $0 * $1 })
    let product = average(zip(a, b).map { $0 * $1 })
    let luminanceConstant = 0.01 * 0.01
    let contrastConstant = 0.03 * 0.03
    var sum = 0.0
    for index in meanA.indices {
      let (x, y) = (meanA[index], meanB[index])
      let covariance = product[index] - x * y
      let variances = squareA[index] - x * x + squareB[index] - y * y
      let numerator = (2 * x * y + luminanceConstant) * (2 * covariance + contrastConstant)
      let denominator = (x * x + y * y + luminanceConstant) * (variances + contrastConstant)
      sum += numerator / denominator
    }
    return sum / Double(meanA.count)
  }

  /// The Gaussian-weighted average around each position whose window lies inside the image.
  private static func windowed(_ values: [Double], height: Int, width: Int) -> [Double] {
    let (validHeight, validWidth) = (height - windowSize + 1, width - windowSize + 1)
    var rows = [Double](repeating: 0, count: height * validWidth)
    for y in 0..<height {
      for x in 0..<validWidth {
        var sum = 0.0
        for tap in 0..<windowSize { sum += window[tap] * values[y * width + x + tap] }
        rows[y * validWidth + x] = sum
      }
    }
    var result = [Double](repeating: 0, count: validHeight * validWidth)
    for y in 0..<validHeight {
      for x in 0..<validWidth {
        var sum = 0.0
        for tap in 0..<windowSize { sum += window[tap] * rows[(y + tap) * validWidth + x] }
        result[y * validWidth + x] = sum
      }
    }
    return result
  }
}
