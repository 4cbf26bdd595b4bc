import Clients
import TensorGraph

/// One image, or a small batch, layer by layer; see ``LayerPeeling``.
public struct PeelingAttack: ClosedFormAttack {
  /// `peeling`.
  public let descriptor = AttackDescriptor(
    name: .peeling, summary: "closed form, layer by layer",
    needs: AttackNeed.gradient, category: .eavesdropper, searches: false,
    method: "layer peeling")

  /// The attack; it has no options.
  public init() {}

  /// Inverts layer after layer, from the last to the first.
  public func solve(
    _ problem: AttackProblem, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    guard problem.update.batchSize == 1 else { return try solveBatch(problem, run) }
    let peeling = try LayerPeeling(
      model: problem.weighted.model, mode: problem.mode, backend: problem.backend)
    let result = try run.stoppable { shouldStop throws(AttackError) in
      try peeling.reconstruct(problem.update, problem.weighted) { shouldStop(0) }
    }
    return ClosedFormSolution(result, labels: [try problem.label(of: result.images)])
  }

  /// The same along the path that the exact update took.
  public func solve(
    nearMiss problem: AttackProblem, of images: Tensor, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    let solution = try AttackError.ifApplicable { () throws(AttackError) in
      try solveBatch(problem, run)
    }
    if let solution { return solution }
    return try solve(problem, run)
  }

  private func solveBatch(
    _ problem: AttackProblem, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    switch try problem.peeledBatch(run).outcome {
    case .images(let result):
      return ClosedFormSolution(result, labels: result.labels)
    case .open(let end, _):
      throw AttackError(
        "layer peeling reads the examples' values at \(end.layer), and there the equations for what is "
          + "below are too few for \(problem.update.batchSize) examples in one step; use the attack auto"
      )
    }
  }
}

extension AttackProblem {
  /// Takes a batch apart at the last layer and peels the layers below; see ``ExampleSeparation``.
  func peeledBatch(_ run: AttackRun) throws(AttackError) -> (
    outcome: LayerPeeling.Outcome, labels: [Int], peeling: LayerPeeling
  ) {
    try run.stoppable { shouldStop throws(AttackError) in
      try peeledBatch { shouldStop(0) }
    }
  }

  /// - Parameter testsRank: see ``LayerPeeling``; the recursion then goes on where its equations are few.
  private func peeledBatch(
    testsRank: Bool = false, shouldStop: () -> Bool
  ) throws(AttackError) -> (
    outcome: LayerPeeling.Outcome, labels: [Int], peeling: LayerPeeling
  ) {
    let peeling = try LayerPeeling(
      model: weighted.model, batchSize: update.batchSize, mode: mode, backend: backend)
    try peeling.requireGradients(update)
    let start = try peelingStart(shouldStop: shouldStop)
    let outcome = try peeling.peel(
      from: start, parameters: weighted.parameters, buffers: weighted.buffers,
      gradients: update.gradients, stopsWhenOpen: !testsRank, testsRank: testsRank,
      shouldStop: shouldStop)
    return (outcome, start.labels, peeling)
  }

  /// The peeled layer's output for each image. A single one's cotangent is the bias's gradient itself.
  private func peelingStart(shouldStop: () -> Bool) throws(AttackError) -> LayerPeeling.Start {
    if update.batchSize == 1, let layer = weighted.model.lastPeeledLayer,
      case let gradient = ClassifierGradient(update, weighted.model, layer: layer),
      let sums = gradient.sums, let features = gradient.features,
      let label = knownLabels?.first ?? LabelRecovery.singleLabel(of: update, weighted)
    {
      let shape: Shape = [1, gradient.classCount]
      let outputs = weighted.outputs(of: layer, reading: features)
      return LayerPeeling.Start(
        cotangent: Tensor(shape, .f64(sums)), value: Tensor(shape, .f64(outputs)), labels: [label])
    }
    let batch = try ExampleSeparation(weighted, backend: backend).separate(
      update, knownLabels: knownLabels, seed: configuration.seed, shouldStop: shouldStop)
    return LayerPeeling.Start(
      cotangent: batch.cotangents, value: batch.logits, labels: batch.labels)
  }

  /// What the layers' equations are worth: those of a single image, each tested for open directions; nil
  /// where peeling does not apply or was stopped.
  func testedLayers(_ run: AttackRun) throws(AttackError) -> [LayerPeeling.Layer]? {
    guard update.batchSize == 1, update.training == nil else { return nil }
    do {
      let peeled = try run.stoppable { shouldStop throws(AttackError) in
        try peeledBatch(testsRank: true) { shouldStop(0) }
      }
      guard case .images(let result) = peeled.outcome else { return nil }
      return result.layers
    } catch {
      guard [.notApplicable, .stopped].contains(error.kind) else { throw error }
      return nil
    }
  }
}
