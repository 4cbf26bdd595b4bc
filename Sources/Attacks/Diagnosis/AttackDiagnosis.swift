import Clients
import TensorGraph

extension AttackProblem {
  /// Says what the end of `run` means, by its best trial and the layers that were peeled; at least one trial
  /// must have been entered.
  func diagnose(_ run: inout AttackRun) throws(AttackError) {
    guard let best = run.best else { preconditionFailure("an attack without a trial") }
    // Layers that were peeled off numbers of which only intervals are known tell nothing of the gradient behind them.
    if counter.slack != nil { run.layers = [] }
    let entry = run.entries[best]
    let loss = entry.trial.matchingLoss
    let isSolved = isSolved(run)
    let isMeasured = isSolved && !isNoisy && equationBound >= unknownCount
    let evidence = isSolved || run.layers.isEmpty ? nil : try peelingEvidence(run)
    run.layers = evidence?.layers ?? run.layers
    run.misfit = evidence?.misfit
    run.diagnosis = Diagnosis(
      Diagnosis.Evidence(
        matchingLoss: loss,
        relativeMatchingLoss: loss / max(matched.squaredNorm, .leastNormalMagnitude),
        isSolved: isSolved, isClosedForm: entry.closedForm != nil,
        unknowns: unknownCount, unknownWords: unknownWords, equationBound: equationBound,
        error: isMeasured
          ? try impliedError(
            images: Tensor(batchShape, .f64(entry.images)),
            labels: counter.hasMixedLabels ? nil : entry.labels, loss: loss,
            closedForm: entry.closedForm, extremeEigenvalues: entry.extremeEigenvalues, run)
          : nil,
        layers: run.layers, isNoisy: isNoisy, relativeRounding: update.relativeRounding,
        misfit: misfit ?? evidence?.misfit, wasCutShort: run.wasCutShort,
        methods: run.entries.map(\.trial.method.name)))
  }
}
