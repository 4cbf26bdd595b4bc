import Clients
import TensorGraph

/// What a closed-form attack gives before it is checked.
public struct ClosedFormSolution: Sendable {
  /// [N, C, H, W] in f64.
  public let images: Tensor
  /// A class index for each image.
  public let labels: [Int]
  /// Equations and condition of each layer, where the attack went through them.
  public let layers: [LayerPeeling.Layer]
  /// How many of the examples were solved for, the first ones; nil for all.
  public let solvedCount: Int?

  /// A solution that has not been checked.
  public init(
    images: Tensor, labels: [Int], layers: [LayerPeeling.Layer] = [], solvedCount: Int? = nil
  ) {
    self.images = images
    self.labels = labels
    self.layers = layers
    self.solvedCount = solvedCount
  }

  init(_ result: LayerPeeling.Result, labels: [Int]) {
    self.init(images: result.images, labels: labels, layers: result.layers)
  }

  var isFinite: Bool { images.doubles.allSatisfy(\.isFinite) }
}

/// An attack that solves for the images instead of searching them.
///
/// Its result is checked by one evaluation of the matching loss and diagnosed; a type that conforms says only
/// how it is solved.
public protocol ClosedFormAttack: Attack {
  /// Whether a search on the whole gradient may take the solution's rounding back; true by default.
  var isPolished: Bool { get }

  /// - Parameter run: may be asked whether to stop; see ``AttackRun/stoppable(_:)``.
  /// - Throws: ``AttackError`` of kind ``AttackError/Kind/notApplicable`` when model or update are not such
  ///   that it can be solved.
  func solve(
    _ problem: AttackProblem, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution

  /// Solves for an update with small errors that images were found for without them; by default as any
  /// other.
  ///
  /// - Parameter images: [N, C, H, W], the solution for the update itself.
  func solve(
    nearMiss problem: AttackProblem, of images: Tensor, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution
}

extension ClosedFormAttack {
  /// True.
  public var isPolished: Bool { true }

  /// As for any other update.
  public func solve(
    nearMiss problem: AttackProblem, of images: Tensor, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    try solve(problem, run)
  }

  /// Solves, evaluates the matching loss once, and says what that means.
  public func run(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    try problem.requireOneLabelEach(for: descriptor.name.rawValue)
    let solution = try run.searching { run throws(AttackError) in try solve(problem, run) }
    let wasStopped = run.wasAskedToStop
    // One evaluation tells how well the reconstruction's gradient fits the shared one.
    let function = try problem.matching(labels: solution.labels, &run)
    let loss = try problem.value(of: function, at: solution.images.doubles)
    let relativeLoss = loss / max(problem.matched.squaredNorm, .leastNormalMagnitude)
    let isExact = relativeLoss <= max(1e-12, problem.acceptedRounding)
    let unknowns = problem.unknownCount
    let isWhole = problem.equationBound >= unknowns
    let evidence =
      isExact || solution.layers.isEmpty ? nil : try problem.peelingEvidence(run)
    let layers = evidence?.layers ?? solution.layers
    run.layers = layers
    run.misfit = evidence?.misfit
    run.diagnosis = Diagnosis(
      Diagnosis.Evidence(
        matchingLoss: loss, relativeMatchingLoss: relativeLoss, isSolved: isExact,
        isClosedForm: true, unknowns: unknowns, unknownWords: problem.unknownWords,
        equationBound: problem.equationBound,
        error: isExact && isWhole
          ? try problem.impliedError(
            images: solution.images, labels: solution.labels, loss: loss, closedForm: self,
            extremeEigenvalues: nil, run) : nil,
        layers: layers, relativeRounding: problem.update.relativeRounding,
        misfit: problem.misfit ?? evidence?.misfit,
        wasCutShort: wasStopped || run.isOverdue, methods: [descriptor.method.name]))
    run.enter(
      solution, of: self, loss: loss,
      reason: isExact ? .solved : wasStopped ? .interrupted : .converged)
  }
}

extension AttackProblem {
  /// - Throws: ``AttackError`` when the model labels positions of an example, as a segmentation does.
  func requireOneLabelEach(for attack: String) throws(AttackError) {
    guard weighted.model.labelPositions.rank > 0 else { return }
    throw AttackError(
      "\(attack) reads models with one label for each image, and \(weighted.model.name) labels "
        + "\(weighted.model.labelPositions) positions of it; use the attack auto, lm, dlg or inverting-gradients"
    )
  }

  /// - Throws: ``AttackError`` unless every gradient of one example, or batch, is there and the model takes
  ///   pixels as they are.
  func requireEveryGradient(_ name: String) throws(AttackError) {
    try update.requireOneGradient(name)
    guard update.isComplete else {
      throw AttackError(
        "\(name) needs the gradients of all parameters, and \(update.sharedParameters.count) of "
          + "\(update.gradients.count) were shared; use the attack auto")
    }
    guard weighted.model.normalization == nil else {
      throw AttackError(
        "\(name) reads pixels as the model takes them; leave mean and deviation out, or use the attack auto"
      )
    }
  }
}
