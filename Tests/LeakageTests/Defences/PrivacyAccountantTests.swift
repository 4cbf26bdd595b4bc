import Testing

@testable import Leakage

@Suite struct PrivacyAccountantTests {
  /// By Google's dp-accounting 0.6.0 (PyPI): RdpAccountant with the same orders. The first is TensorFlow
  /// Privacy's MNIST tutorial (60000 examples, batch 256, noise 1.1, 60 epochs), the second the example
  /// of Abadi et al. 2016, section 5 (their moments accountant gives 1.26).
  @Test(arguments: [
    (256.0 / 60000, 1.1, 14062, 1e-5, 2.5969811785948815, 8),
    (0.01, 4.0, 10000, 1e-5, 1.0354900660362436, 17),
    (1.0, 2.0, 10, 1e-5, 8.087861628831664, 4),
    (0.05, 0.8, 100, 1e-6, 7.929120637438326, 3),
    (0.001, 0.5, 1000, 1e-5, 4.963359064352079, 3),
    (0.01, 10.0, 100, 1e-5, 0.031491701264587245, 320),
  ])
  func agreesWithDPAccounting(
    _ rate: Double, _ noise: Double, _ steps: Int, _ delta: Double, _ epsilon: Double, _ order: Int
  ) {
    let guarantee = PrivacyAccountant.guarantee(
      noiseMultiplier: noise, samplingRate: rate, steps: steps, delta: delta)
    #expect(abs(guarantee.epsilon / epsilon - 1) < 1e-9)
    #expect(guarantee.order == order)
  }

  @Test func theEndsAreWhatTheyMustBe() {
    func epsilon(_ noise: Double, _ rate: Double, _ steps: Int) -> Double {
      PrivacyAccountant.guarantee(
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
