import Solvers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Adds Laplacian noise of this variance (scale √(variance / 2)) to every number that is sent.
struct LaplacianNoise: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "laplacian", parameters: [.variance],
    summary: "Laplacian noise of this variance on every number",
    source: "Zhu et al. 2019, section 5.1", answer: .underNoise,
    strength: DefenceDescriptor.Strength("variance of the noise"),
    strengths: DefenceDescriptor.Strengths(
      [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100].map {
        LaplacianNoise(variance: $0)
      }),
    needs: DefenceNeeds(worksOnAMean: true),
    priced: [1e-2].map { LaplacianNoise(variance: $0) },
    make: { LaplacianNoise(variance: $0[0]) })

  let variance: Double
  var values: [Double] { [variance] }

  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    let scale = (variance / 2).squareRoot()
    update.addNoise(variance: variance) { round.source.laplacian(scale: scale) }
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

/// x^(2/3), by which budgets of the sparse vector technique are parted.
func twoThirdsPower(_ x: Double) -> Double { pow(x, 2.0 / 3) }
