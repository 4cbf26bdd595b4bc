import Testing

@testable import Solvers

@Suite struct PixelConstraintTests {
  @Test func clampsPixelsAlone() {
    var point = [-1, 0.5, 2, 0.25, -7]
    PixelConstraint(shape: [1, 1, 2, 2]).apply(to: &point, iteration: 1)
    #expect(point == [0, 0.5, 1, 0.25, -7])
  }

  /// An outlier goes, an edge stays.
  @Test func filtersByTheMedian() {
    let constraint = PixelConstraint(shape: [1, 1, 3, 4], range: nil, medianFilterEvery: 2)
    let image = [0.0, 0, 1, 1, 0, 9, 1, 1, 0, 0, 1, 1]
    var point = image
    constraint.apply(to: &point, iteration: 1)
    #expect(point == image)
    constraint.apply(to: &point, iteration: 2)
    #expect(point == [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1])
  }
}
