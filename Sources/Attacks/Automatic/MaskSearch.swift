import Clients
import Solvers
import TensorGraph

extension AttackProblem {
  /// Whether a class for each pixel is sought with the images.
  var seeksMasks: Bool { knownLabels == nil && weighted.model.labelPositions.rank > 0 }
}

/// Searches for images together with the masks of their pixels.
extension AutomaticAttack {
  /// L-BFGS on the images and the logits of their masks, as DLG does: the softmax keeps probabilities within bounds, which
  /// free numbers leave where there are so many; then Levenberg-Marquardt on the images alone, with the masks that
  /// were found.
  func searchWithMasks(
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    func compiled(_ form: LabelForm) throws(AttackError) -> MatchingFunction {
      try run.compiling { () throws(GraphError) in
        try MatchingFunction(problem, labels: nil, soughtForm: form, precision: .f64)
      }
    }
    let (function, whole) = (try compiled(.logits), try compiled(.probabilities))
    let method = AttackMethod(
      name: "l-bfgs", category: .eavesdropper, needs: secondOrder.descriptor.needs)
    let count = function.imageCount
    func labels(_ point: [Double]) -> [Int] {
      problem.mostLikelyLabels(point[count...], form: .logits)
    }
    for trial in 0..<problem.configuration.trials {
      // Logits of 0 name no class before another.
      let images = problem.dummyBatch(trial, dimension: count)
      let start = images + [Double](repeating: 0, count: function.dimension - count)
      try run.search(
        method: method, labels: labels,
        solve: { observer throws(GraphError) in
          let result = try LBFGS().minimize(
            function, from: start, until: problem.searchRule, observe: observer)
          guard result.point.allSatisfy(\.isFinite) else { return AttackRun.Outcome(result) }
          let targets = labels(result.point).flatMap {
            problem.update.loss.target(of: $0, classCount: problem.weighted.model.classCount)
          }
          let value = try whole.value(at: result.point[..<count] + targets)
          return AttackRun.Outcome(result.replacing(value: value))
        })
      if run.wasStopped || problem.isSolved(run) { return }
      try secondOrder.settleMasks(problem, &run)
      if run.wasStopped || problem.isSolved(run) { return }
    }
  }
}
