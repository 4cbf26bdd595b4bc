import Clients
import Solvers
import TensorGraph

/// Batches example by example, exactly, from the span of hidden layers' gradients; see `SpanSearch`.
public struct SpanAttack: ClosedFormAttack {
  /// `span`.
  public let descriptor = AttackDescriptor(
    name: .span, summary: "batches, one example at a time, by the span of a hidden layer",
    paper: "the span check of Petrov et al. 2024, arXiv 2405.15586, as equations for one example",
    needs: AttackNeed.gradient, category: .eavesdropper, searches: false)

  /// Starts for each example of the batch, and in a row without another example, after which it gives up.
  private static let (startsPerExample, vainStarts) = (200, 400)

  /// The attack; it has no options.
  public init() {}

  /// The batch, as far as it was found.
  ///
  /// - Throws: ``AttackError`` when no layer tells examples apart by its span, or none was found.
  public func solve(
    _ problem: AttackProblem, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    try problem.requireEveryGradient("the span of hidden layers")
    var search = try SpanSearch(problem)
    let count = problem.update.batchSize
    try run.stoppable { shouldStop throws(AttackError) in
      var (starts, vain) = (0, 0)
      while search.examples.count < count, starts < Self.startsPerExample * count,
        vain < Self.vainStarts, !shouldStop(starts)
      {
        starts += 1
        vain = try search.start() ? 0 : vain + 1
      }
    }
    guard !search.examples.isEmpty else {
      throw AttackError(
        "no example was found whose hidden features lie in the span of the gradient; use the attack dlg"
      )
    }
    return search.solution(count: count)
  }
}
