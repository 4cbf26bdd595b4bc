import Clients
import TensorGraph

/// The automatic attack of someone who lacks a fact that following the client's computation takes.
extension AutomaticAttack {
  /// Runs what does without the missing facts, and says what was left out.
  func searchWithWhatIsKnown(
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    for attack in [PeelingAttack(), secondOrder] as [any Attack] {
      _ = isKnown(enoughFor: attack, problem, &run)
    }
    // The first layer's input, where that alone tells it.
    let linear = LinearLayerAttack()
    if problem.missingFact(linear.descriptor.needs) == nil {
      let solved: Void? = try AttackError.ifApplicable { () throws(AttackError) in
        try linear.run(problem, &run)
      }
      if solved != nil { return }
    }
    for preset in [AttackPresets.invertingGradients, AttackPresets.dataLeakageInFedAvg]
    where isKnown(enoughFor: preset, problem, &run) {
      try search(preset: preset.plan, problem, &run)
    }
    if run.best == nil, let missing = run.skipped.last?.fact {
      throw problem.missingFactError(missing, for: "every attack that applies here")
    }
  }

  /// Whether what an attack needs is known; if not, that is entered.
  func isKnown(
    enoughFor attack: any Attack, _ problem: AttackProblem, _ run: inout AttackRun
  ) -> Bool {
    let descriptor = attack.descriptor
    guard let fact = problem.missingFact(descriptor.needs) else { return true }
    run.skipped.append(SkippedAttack(attack: descriptor.name.rawValue, fact: fact))
    return false
  }
}
