import Solvers
import Testing

/// Logistic regression with a ridge.
@Suite struct LogisticRegressionTests {
  /// scikit-learn 1.9.1's `LogisticRegression(C=1 / (n * penalty * d))` on standardised features, n = 6, d = 2, penalty 0.05: the
  /// decision function of the six rows.
  @Test func scoresAreTheReferences() {
    let rows = [[0.0, 1.0], [1, 0.5], [2, 3], [3, 1], [4, 2], [5, 0]]
    let labels = [false, false, true, false, true, true]
    let fit = LogisticRegression(rows, labels, penalty: 0.05)
    let expected = LogisticRegressionTests.expected
    for (row, value) in zip(rows, expected) { #expect(abs(fit.score(row) - value) < 1e-4) }
  }

  private static let expected = [-2.023865, -1.721421, 0.959875, 0.072894, 1.564764, 0.677783]

  @Test func aPenaltyIsChosenByWhatWasNotFitted() {
    var source = RandomSource(seed: 2)
    // One feature of fifty says it, behind noise as large.
    let rows = (0..<120).map { _ in (0..<50).map { _ in source.normal() } }
    let labels = rows.map { $0[0] + 0.5 * source.normal() > 0 }
    let fit = LogisticRegression.tuned(
      Array(rows.prefix(80)), Array(labels.prefix(80)), using: &source)
    let right = zip(rows, labels).dropFirst(80).count { (fit.score($0) > 0) == $1 }
    #expect(right >= 28)
  }

  @Test func aFeatureThatNeverChangesSaysNothing() {
    let fit = LogisticRegression([[1, 0], [1, 1]], [false, true], penalty: 0.1)
    #expect(fit.score([1, 1]) > 0 && fit.score([99, 1]) == fit.score([1, 1]))
  }
}
