import TensorGraph

extension ImageMetrics {
  /// The gradient magnitude similarity deviation (Xue, Zhang, Mou & Bovik 2014, "Gradient magnitude
  /// similarity deviation: a highly efficient perceptual image quality index", section II): a
  /// perceptual distance that needs no trained weights.
  ///
  /// Both images are turned to luma, averaged over 2x2 pixels and halved; the magnitudes m of their
  /// Prewitt gradients are compared pixel by pixel, (2 m₁ m₂ + c) / (m₁² + m₂² + c) with the paper's
  /// c = 170 for values of 0...255, and the standard deviation over the image is the distance: 0 for equal
  /// images, larger for worse ones. Borders that the filter does not cover are left out.
  ///
  /// - Parameters: images [1 or 3 channels, H, W] with values in 0...1; other numbers of channels are
  ///   averaged.
  /// - Returns: nil when the halved image is smaller than the 3x3 filter.
  public static func gradientMagnitudeSimilarityDeviation(
    _ first: Tensor, _ second: Tensor
  ) -> Double? {
    precondition(
      first.shape == second.shape && first.shape.rank == 3,
      "cannot compare \(first.shape) with \(second.shape)")
    guard let a = prewittMagnitudes(first), let b = prewittMagnitudes(second) else { return nil }
    let constant = 170.0 / (255 * 255)
    let similarities = zip(a, b).map { (2 * $0 * $1 + constant) / ($0 * $0 + $1 * $1 + constant) }
    let count = Double(similarities.count)
    let mean = similarities.reduce(0, +) / count
    let variance = similarities.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    return variance.squareRoot()
  }

  private static func prewittMagnitudes(_ image: Tensor) -> [Double]? {
    let (height, width) = (image.shape[1] / 2, image.shape[2] / 2)
    guard height >= 3, width >= 3 else { return nil }
    let halved = halvedLuma(image)
    var magnitudes: [Double] = []
    for y in 1..<height - 1 {
      for x in 1..<width - 1 {
        func at(_ dy: Int, _ dx: Int) -> Double { halved[(y + dy) * width + x + dx] }
        var (across, down) = (0.0, 0.0)
        for step in -1...1 {
          across += at(step, 1) - at(step, -1)
          down += at(1, step) - at(-1, step)
        }
        magnitudes.append((across * across + down * down).squareRoot() / 3)
      }
    }
    return magnitudes
  }

  private static func halvedLuma(_ image: Tensor) -> [Double] {
    let (channels, height, width) = (image.shape[0], image.shape[1], image.shape[2])
    let weights =
      channels == 3
      ? [0.299, 0.587, 0.114] : [Double](repeating: 1 / Double(channels), count: channels)
    let elements = image.doubles
    var result: [Double] = []
    for y in 0..<height / 2 {
      for x in 0..<width / 2 {
        var sum = 0.0
        for (channel, weight) in weights.enumerated() {
          let corner = (channel * height + 2 * y) * width + 2 * x
          sum +=
            weight
            * (elements[corner] + elements[corner + 1] + elements[corner + width]
              + elements[corner + width + 1])
        }
        result.append(sum / 4)
      }
    }
    return result
  }
}
