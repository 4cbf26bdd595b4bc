import TensorGraph

extension ImageMetrics {
  /// The peak signal-to-noise ratio in dB, with peak 1, after the best shift: convolutions and pooling
  /// may give an image back a few pixels off, which people do not mind and PSNR does.
  ///
  /// All whole shifts of at most `limit` pixels each way are tried, and at most an eighth of a side; each
  /// is measured on the pixels that both images have then. At least the PSNR without shift.
  ///
  /// - Parameters: images [C, H, W] with values in 0...1.
  public static func shiftedPeakSignalToNoiseRatio(
    _ reconstruction: Tensor, _ original: Tensor, limit: Int = 4
  ) -> Double {
    precondition(
      reconstruction.shape == original.shape && original.shape.rank == 3,
      "cannot compare \(reconstruction.shape) with \(original.shape)")
    let (channels, height, width) = (original.shape[0], original.shape[1], original.shape[2])
    let (a, b) = (reconstruction.doubles, original.doubles)
    let (down, right) = (min(limit, height / 8), min(limit, width / 8))
    func error(_ dy: Int, _ dx: Int) -> Double {
      let rows = max(0, -dy)..<min(height, height - dy)
      let columns = max(0, -dx)..<min(width, width - dx)
      var sum = 0.0
      for channel in 0..<channels {
        for y in rows {
          let (first, second) = (
            (channel * height + y + dy) * width + dx, (channel * height + y) * width
          )
          for x in columns {
            let difference = a[first + x] - b[second + x]
            sum += difference * difference
          }
        }
      }
      return sum / Double(max(channels * rows.count * columns.count, 1))
    }
    var least = error(0, 0)
    for dy in -down...down { for dx in -right...right { least = min(least, error(dy, dx)) } }
    return peakSignalToNoiseRatio(meanSquaredError: least)
  }
}
