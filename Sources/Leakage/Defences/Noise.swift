#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension UpdateInTransit {
  /// Adds normal noise of this variance to every number that is sent.
  mutating func addGaussianNoise(variance: Double, using source: inout RandomSource) {
    let deviation = variance.squareRoot()
    addNoise(variance: variance) { deviation * source.normal() }
  }

  /// Adds Laplacian noise of this variance to every number that is sent: scale b = √(variance / 2).
  mutating func addLaplacianNoise(variance: Double, using source: inout RandomSource) {
    let scale = (variance / 2).squareRoot()
    addNoise(variance: variance) { source.laplacian(scale: scale) }
  }

  private mutating func addNoise(variance: Double, _ draw: () -> Double) {
    changeParts { part in
      for index in part.values.indices { part.values[index] += draw() }
      part.noiseVariance += variance
    }
    wire.setValues(bits: 32, tensorOverhead: 0)
  }
}

extension RandomSource {
  /// A number from the Laplace distribution with mean 0 and this scale, by inversion.
  mutating func laplacian(scale: Double) -> Double {
    // In -1/2 ..< 1/2, without the end whose logarithm is infinite.
    let u = uniform(in: (-0.5).nextUp..<0.5)
    return -scale * (u < 0 ? -1 : 1) * log1p(-2 * u.magnitude)
  }
}
