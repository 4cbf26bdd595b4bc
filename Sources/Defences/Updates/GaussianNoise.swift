/// Adds normal noise of this variance to every number that is sent.
package struct GaussianNoise: UpdateDefence {
  package static let descriptor = DefenceDescriptor(
    name: "gaussian", parameters: [.variance],
    summary: "normal noise of this variance on every number",
    source: "Zhu et al. 2019, arXiv 1906.08935, section 5.1", answer: .underNoise,
    strength: DefenceDescriptor.Strength("variance of the noise"),
    strengths: DefenceDescriptor.Strengths(
      [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100].map {
        GaussianNoise(variance: $0)
      }, isStandard: true),
    needs: DefenceNeeds(worksOnAMean: true),
    priced: [1e-4, 1e-3, 1e-2].map { GaussianNoise(variance: $0) },
    make: { GaussianNoise(variance: $0[0]) })

  package let variance: Double
  package var values: [Double] { [variance] }

  package func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    let deviation = variance.squareRoot()
    update.addNoise(variance: variance) { deviation * round.source.normal() }
  }
}

extension UpdateInTransit {
  /// Adds what `draw` gives, of this variance, to every number that is sent.
  mutating func addNoise(variance: Double, _ draw: () -> Double) {
    changeParts { part in
      for index in part.values.indices { part.values[index] += draw() }
      part.noiseVariance += variance
    }
    wire.setValues(bits: 32, tensorOverhead: 0)
  }
}
