import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How far a reconstruction is from the original: pixel values in 0...1, both of one shape.
///
/// Values outside 0...1 count as they are; clamp first to measure what a viewer would see.
/// A NaN in an image gives NaN.
public enum ImageMetrics {
  /// The mean squared difference of all elements; 0 for equal tensors.
  public static func meanSquaredError(_ reconstruction: Tensor, _ original: Tensor) -> Double {
    precondition(
      reconstruction.shape == original.shape,
      "cannot compare \(reconstruction.shape) with \(original.shape)")
    return meanSquaredError(reconstruction.doubles, original.doubles)
  }

  /// The peak signal-to-noise ratio in dB with peak 1: -10 log10(MSE).
  ///
  /// Positive infinity for equal tensors; JSON has no infinity, so whoever writes it decides.
  public static func peakSignalToNoiseRatio(
    _ reconstruction: Tensor, _ original: Tensor
  ) -> Double {
    peakSignalToNoiseRatio(meanSquaredError: meanSquaredError(reconstruction, original))
  }

  /// The peak signal-to-noise ratio in dB, with peak 1, of a known mean squared error.
  public static func peakSignalToNoiseRatio(meanSquaredError: Double) -> Double {
    meanSquaredError == 0 ? .infinity : -10 * log10(meanSquaredError)
  }

  static func meanSquaredError(
    _ first: some Collection<Double>, _ second: some Collection<Double>
  ) -> Double {
    var sum = 0.0
    for (a, b) in zip(first, second) { sum += (a - b) * (a - b) }
    return sum / Double(max(first.count, 1))
  }
}
