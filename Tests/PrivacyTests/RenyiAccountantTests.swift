import Testing

@testable import Privacy

@Suite struct RenyiAccountantTests {
  /// Noise 0.05 to 10, sampling rates 1e-4 to 1, 1 to 1e5 steps, delta 1e-9 to 1e-3.
  @Test func agreesWithOpacusAndDPAccounting() throws {
    let goldens = try AccountingGolden.all()
    #expect(goldens.count > 200)
    for golden in goldens {
      let epsilon = RenyiAccountant.guarantee(
        noiseMultiplier: golden.noise, samplingRate: golden.rate, steps: golden.steps,
        delta: golden.delta
      ).epsilon
      // Where the mechanism is (0, delta)-private already, Opacus does not say so.
      let expected = golden.dpAccounting == 0 ? 0 : golden.sameOrders
      #expect(abs(epsilon - expected) <= 1e-7 * expected, "\(golden): \(epsilon)")
      #expect(epsilon <= golden.opacus * (1 + 1e-7), "\(golden): \(epsilon)")
      #expect(epsilon <= golden.dpAccounting * (1 + 1e-7), "\(golden): \(epsilon)")
      if golden.order < 63, expected > 0 {
        #expect(abs(epsilon / golden.opacus - 1) < 0.01, "\(golden): \(epsilon)")
      }
    }
  }

  /// A fractional order between whole ones that take another formula.
  @Test(arguments: [(0.3, 0.03), (1.0, 0.5), (4.0, 0.01)])
  func fractionalOrdersLieBetweenWholeOnes(_ noise: Double, _ rate: Double) {
    let step = SubsampledGaussian(noiseMultiplier: noise, samplingRate: rate)
    let divergences = [2, 2.0001, 2.5, 2.9999, 3].map { step.renyiDivergence(order: $0) }
    #expect(divergences == divergences.sorted())
    #expect(abs(divergences[1] / divergences[0] - 1) < 1e-2)
    #expect(abs(divergences[3] / divergences[4] - 1) < 1e-2)
  }

  @Test func theErrorFunctionIsContinued() {
    for x in [19.9999, 20.0001] {
      // log erfc(20) by SciPy, and its slope there.
      let slope = -2 * 20 - 1 / 20.0
      #expect(abs(logErrorFunctionComplement(x) - (-403.5693433341044 + slope * (x - 20))) < 1e-4)
    }
    #expect(abs(logErrorFunctionComplement(0)) < 1e-15)
    #expect(logErrorFunctionComplement(1e5).isFinite)
  }

  @Test func theEndsAreWhatTheyMustBe() {
    func epsilon(_ noise: Double, _ rate: Double, _ steps: Int) -> Double {
      RenyiAccountant.guarantee(
        noiseMultiplier: noise, samplingRate: rate, steps: steps, delta: 1e-5
      ).epsilon
    }
    #expect(epsilon(0, 0.1, 1) == .infinity)
    #expect(epsilon(1, 0, 100) == 0)
    #expect(epsilon(1, 0.1, 0) == 0)
    #expect(epsilon(1, 0.1, 100) < epsilon(1, 0.1, 200))
    #expect(epsilon(2, 0.1, 100) < epsilon(1, 0.1, 100))
    #expect(epsilon(1, 0.05, 100) < epsilon(1, 0.1, 100))
    // Sampling all is the plain Gaussian mechanism, and the limit of sampling nearly all.
    #expect(abs(epsilon(2, 1, 10) / epsilon(2, 1 - 1e-12, 10) - 1) < 1e-6)
  }
}
