import Clients

extension OptimizationPlan {
  /// - Throws: ``AttackError`` when a number is out of range, or two choices exclude each other.
  package func validate() throws(AttackError) {
    try check("trials", Double(trials), 1...1_000_000)
    try check("iterations", Double(iterations), 1...100_000_000)
    try check("objective.weight", objective.weight, 0...1e12)
    try check("objective.l1Weight", objective.l1Weight, 0...1e12)
    try check("objective.maskBelow", objective.maskBelow, 0...1e12)
    for (name, weight) in prior.weights { try check("prior.\(name).weight", weight, 0...1e12) }
    let variation = prior.totalVariation
    try check("prior.totalVariation.innerExponent", variation.innerExponent, 1...10)
    try check("prior.totalVariation.outerExponent", variation.outerExponent, 0.1...10)
    try check("prior.norm.exponent", prior.norm.exponent, 1...10)
    try check("prior.batchNorm.firstLayerFactor", prior.batchNorm.firstLayerFactor, 0...1e12)
    try check("prior.group.seeds", Double(prior.group.seeds), 1...64)
    try check("solver.rate", solver.rate, 1e-12...1e6)
    try check("solver.warmUp", Double(solver.warmUp), 0...1e8)
    try check("solver.clip", solver.clip, 0...1e12)
    try check("solver.noise", solver.noise, 0...1e6)
    try check("solver.weightDecay", solver.weightDecay, 0...1)
    try check("initialization.mean", initialization.mean, -1e6...1e6)
    try check("initialization.deviation", initialization.deviation, 0...1e6)
    try check("initialization.tile", Double(initialization.tile), 1...8192)
    try check(
      "constraints.medianFilterEvery", Double(constraints.medianFilterEvery), 0...1e8)
    try checkScales()
    try checkCombinations()
  }

  private func checkScales() throws(AttackError) {
    guard (1...16).contains(scales.count), scales.last == 1,
      scales.allSatisfy({ $0 > 0 && $0 <= 1 })
    else {
      throw AttackError(
        "scales is \(scales); give at most 16 numbers above 0 and up to 1, of which the last is 1",
        .badInput)
    }
  }

  private func checkCombinations() throws(AttackError) {
    if prior.group.seeds > 1 || scales.count > 1, labels == .joint {
      throw AttackError(
        "labels is joint, which takes one group seed and one scale; use labels=recovered", .badInput
      )
    }
    if epochs == .separate {
      guard labels != .joint, prior.group.seeds == 1, prior.orthogonality.weight == 0 else {
        throw AttackError(
          "epochs is separate, which takes neither labels=joint nor several group seeds nor "
            + "prior.orthogonality; change these, or use epochs=shared", .badInput)
      }
    } else if prior.epochOrder.weight > 0 {
      throw AttackError(
        "prior.epochOrder compares the images of separate epochs; set epochs=separate, or leave it out",
        .badInput)
    }
    if inputs == .structured {
      guard labels != .joint, prior.group.seeds == 1, !prior.areActive, scales.count == 1,
        epochs == .shared, !constraints.box, constraints.medianFilterEvery == 0,
        solver.kind == .adam
      else {
        throw AttackError(
          "inputs is structured, which takes adam and neither labels=joint nor priors, scales, separate epochs or "
            + "constraints; set constraints.box=false and leave out the others, or use inputs=free",
          .badInput)
      }
    }
    guard solver.kind == .lbfgs else { return }
    guard !constraints.box, constraints.medianFilterEvery == 0, solver.noise == 0 else {
      throw AttackError(
        "solver is lbfgs, which keeps no constraints and takes no noise; set constraints.box=false, "
          + "constraints.medianFilterEvery=0 and solver.noise=0, or use the soft prior.box",
        .badInput)
    }
  }

  private func check(
    _ name: String, _ value: Double, _ range: ClosedRange<Double>
  ) throws(AttackError) {
    guard range.contains(value) else {
      throw AttackError(
        "\(name) is \(value); give a number from \(range.lowerBound) to \(range.upperBound)",
        .badInput)
    }
  }
}
