import Clients
import Solvers
import TensorGraph

/// How far from a solution the private batch may be, since the update was rounded and the matching loss is
/// not quite 0: residual times conditioning.
struct ImpliedError: Sendable {
  /// Per pixel value; infinite where a reconstruction from slightly other numbers fails.
  let meanSquaredError: Double
  /// Of JᵀJ at the solution; nil where the error was found without.
  var extremeEigenvalues: (smallest: Double, largest: Double)?

  /// Whether the error is below 40 dB.
  var isTolerable: Bool { meanSquaredError <= Diagnosis.tolerableError }

  /// Whether an eigenvalue cannot be told from 0.
  var isSingular: Bool {
    extremeEigenvalues.map { $0.smallest <= Diagnosis.rankTolerance * $0.largest } ?? false
  }
}

extension AttackProblem {
  /// How far off a solution may be, found as cheaply as that is possible.
  ///
  /// A closed form is run again on slightly other numbers: the update with random errors of the size of its
  /// rounding and of the loss that is left. Where the reconstruction then lands is a near miss that fits the
  /// update as well. For a search the energy of these errors along the weakest direction bounds the error;
  /// where that is too coarse, or not known, σ² tr (JᵀJ)⁻¹ is estimated with random signs.
  ///
  /// - Parameters:
  ///   - images: the solution; `labels` its labels.
  ///   - loss: its matching loss.
  ///   - closedForm: what gave it, where a closed form did, polished or not.
  ///   - extremeEigenvalues: of JᵀJ there, as far as known.
  /// - Returns: nil when it could not be measured in time or memory.
  /// - Throws: ``AttackError`` when the backend fails.
  func impliedError(
    images: Tensor, labels: [Int]?, loss: Double, closedForm: (any ClosedFormAttack)?,
    extremeEigenvalues: (smallest: Double, largest: Double)?, _ run: AttackRun
  ) throws(AttackError) -> ImpliedError? {
    let energy = max(roundingEnergy, loss)
    if let closedForm, counter.isNone {
      let error = try errorOfNearMiss(images, closedForm, energy: energy, run)
      if let error, error <= Diagnosis.tolerableError {
        return ImpliedError(meanSquaredError: error, extremeEigenvalues: extremeEigenvalues)
      }
    }
    if let extremeEigenvalues, extremeEigenvalues.smallest > 0 {
      let bound = energy / extremeEigenvalues.smallest / Double(images.shape.elementCount)
      let error = ImpliedError(meanSquaredError: bound, extremeEigenvalues: extremeEigenvalues)
      if error.isTolerable || error.isSingular { return error }
    }
    return try expectedError(images, labels, loss: loss, run)
  }

  /// The squared error that rounding of the shared numbers, or the client's noise, brings.
  var roundingEnergy: Double {
    max(matched.roundingEnergies.reduce(0, +), counter.noiseEnergy)
  }

  // MARK: - Closed forms

  /// Attempts, of which the worst counts.
  private static let nearMisses = 2

  /// The largest mean squared distance between a reconstruction and those from slightly other updates;
  /// infinite where there are none, nil when stopped.
  private func errorOfNearMiss(
    _ images: Tensor, _ attack: any ClosedFormAttack, energy: Double, _ run: AttackRun
  ) throws(AttackError) -> Double? {
    let own = max(update.roundingEnergies.reduce(0, +), .leastNormalMagnitude)
    var source = RandomSource(seed: configuration.seed).derive(label: "near misses")
    var worst = 0.0
    for _ in 0..<(update.batchSize == 1 ? Self.nearMisses : 1) {
      if run.isOverdue { return nil }
      let factor = max(energy / own, 1)
      let other = replacing(
        update.disturbed(energies: update.roundingEnergies.map { $0 * factor }, &source))
      let found = try AttackError.ifApplicable { () throws(AttackError) in
        try attack.solve(nearMiss: other, of: images, run)
      }
      guard let solution = found, solution.isFinite else {
        return run.isOverdue ? nil : .infinity
      }
      let (reconstructions, originals) = (unstacked(solution.images), unstacked(images))
      let order = matchBatch(reconstructions: reconstructions, originals: originals)
      let errors = originals.indices.map {
        ImageMetrics.meanSquaredError(reconstructions[order[$0]], originals[$0])
      }
      worst = max(worst, errors.max() ?? .infinity)
    }
    return worst.isNaN ? .infinity : worst
  }

  // MARK: - Searches

  /// Pixel values for which σ² tr (JᵀJ)⁻¹ is estimated at most: beyond, solving is hopeless.
  private static let largestOrder = 20_000

  /// Of pixel values, for directions that the update does not determine.
  private static let priorVariance = 1.0 / 12

  private func expectedError(
    _ images: Tensor, _ labels: [Int]?, loss: Double, _ run: AttackRun
  ) throws(AttackError) -> ImpliedError? {
    guard let labels, images.shape.elementCount <= Self.largestOrder, !run.isOverdue else {
      return nil
    }
    return try AttackError.naming(weighted.model.name, "attacked") { () throws(GraphError) in
      try expectedError(images, MatchingResiduals(self, labels: labels), loss: loss, run)
    }
  }

  private func expectedError(
    _ images: Tensor, _ function: MatchingResiduals, loss: Double, _ run: AttackRun
  ) throws(GraphError) -> ImpliedError? {
    let order = images.shape.elementCount
    let equations = NormalEquations(
      function, algebra: backend.linearAlgebra, memoryLimit: solver.memoryLimit,
      deadline: run.end)
    let count = matched.sharedParameters.reduce(0) {
      $0 + matched.gradients[$1].shape.elementCount
    }
    let variance = roundingEnergy / Double(max(count, 1))
    var source = RandomSource(seed: configuration.seed).derive(label: "conditioning")
    return try images.doubles.withUnsafeBufferPointer {
      point throws(GraphError) -> ImpliedError? in
      let floor = try 0.1 * Diagnosis.rankTolerance * equations.meanDiagonal(at: point)
      let damping = max(variance / Self.priorVariance, floor)
      let signs = (0..<order).map { _ in source.integer(below: 2) == 0 ? -1.0 : 1 }
      guard
        let answer = try equations.solve(
          signs, at: point, pointID: 0, damping: damping, shouldStop: { run.isOverdue })
      else { return nil }
      let trace = max(dot(signs, answer), 0)
      guard let extremes = try equations.extremeEigenvalues(at: point) else { return nil }
      // What is left beyond rounding may all be along the weakest direction.
      let excess = max(loss - roundingEnergy, 0) / max(extremes.smallest, .leastNormalMagnitude)
      return ImpliedError(
        meanSquaredError: (variance * trace + excess) / Double(order), extremeEigenvalues: extremes)
    }
  }
}

extension SharedUpdate {
  /// The same with random errors of these energies, one for each parameter's gradient.
  func disturbed(energies: [Double], _ source: inout RandomSource) -> SharedUpdate {
    var tensors = gradients
    for index in sharedParameters {
      let elements = gradients[index].doubles
      let deviation = (energies[index] / Double(max(elements.count, 1))).squareRoot()
      tensors[index] = Tensor(
        gradients[index].shape, .f64(elements.map { $0 + deviation * source.normal() })
      ).converted(to: gradients[index].dtype)
    }
    return SharedUpdate(
      gradients: tensors, batchSize: batchSize, loss: loss, training: training,
      sharedParameters: sharedParameters, relativeRounding: relativeRounding,
      roundingEnergies: energies, origin: origin)
  }
}
