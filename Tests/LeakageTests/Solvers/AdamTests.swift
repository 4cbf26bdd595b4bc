import Solvers
import Testing

/// Σ wᵢ (xᵢ - cᵢ)².
private final class WeightedDistance: ObjectiveFunction {
  let dimension = 3
  private let weights = [1.0, 10, 0.1]
  private let centre = [0.3, 0.1, -0.7]

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    var value = 0.0
    for index in 0..<3 {
      let difference = point[index] - centre[index]
      value += weights[index] * difference * difference
      gradient[index] = 2 * weights[index] * difference
    }
    return value
  }
}

@Suite struct AdamTests {
  /// `torch.optim.Adam`, rate 0.05 with three falls to a tenth, 25 steps from (1, -2, 0.5).
  @Test(
    arguments: [
      (.plain, [0.5377724228835808, -1.521345006113295, 0.026111286093689755]),
      (.sign, [0.5168000048320007, -1.5168000048320007, 0.0168000048320006]),
    ] as [(Adam.GradientForm, [Double])])
  func stepsAsPyTorchDoes(form: Adam.GradientForm, expected: [Double]) throws {
    let result = try Adam(rate: 0.05, schedule: .steps, gradientForm: form).minimize(
      WeightedDistance(), from: [1, -2, 0.5], until: StoppingRule(iterations: 25)
    ) { _, _ in .proceed }
    #expect(result.reason == .iterationLimit)
    #expect(result.iterations == 25 && result.evaluations == 26)
    for (found, wanted) in zip(result.point, expected) { #expect(abs(found - wanted) < 1e-12) }
  }

  @Test(arguments: Adam.Schedule.allCases)
  func comesNearTheMinimum(_ schedule: Adam.Schedule) throws {
    let result = try Adam(rate: 0.1, schedule: schedule).minimize(
      WeightedDistance(), from: [1, -2, 0.5],
      until: StoppingRule(iterations: 2000, solvedBelow: 1e-8, stagnationWindow: 0)
    ) { _, _ in .proceed }
    #expect(result.value < 1e-4)
  }
}
