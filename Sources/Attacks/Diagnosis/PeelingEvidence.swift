import Clients
import ModelIO
import Solvers
import TensorGraph

/// What layer peeling tells of an update that no attack solved: equations that are too few, or that
/// contradict each other.
struct PeelingEvidence {
  /// With their tests for open directions.
  let layers: [LayerPeeling.Layer]
  /// When the equations contradict each other.
  let misfit: UpdateMisfit?
}

extension AttackProblem {
  /// Relative residual of a layer's equations below which they are not said to contradict each other.
  private static let contradiction = 1e-4

  /// Times what the same rounding leaves of the equations of another image.
  private static let contradictionMargin = 30.0

  /// Tests the layers of a single image's update; nil where peeling does not apply.
  func peelingEvidence(_ run: AttackRun) throws(AttackError) -> PeelingEvidence? {
    guard counter.isNone, let layers = try testedLayers(run) else { return nil }
    return PeelingEvidence(layers: layers, misfit: try contradiction(among: layers, run))
  }

  /// The first layer whose equations determine its input and contradict each other: those of layers below
  /// one whose input is open may do so without the update being to blame.
  private func contradiction(
    among layers: [LayerPeeling.Layer], _ run: AttackRun
  ) throws(AttackError) -> UpdateMisfit? {
    guard update.origin != nil else { return nil }
    let end = layers.firstIndex(where: \.isOpen) ?? layers.endIndex
    guard
      let place = layers[..<end].firstIndex(where: { $0.relativeResidual > Self.contradiction }),
      let usual = try usualResiduals(run), usual.indices.contains(place),
      layers[place].relativeResidual > Self.contradictionMargin * usual[place]
    else { return nil }
    let layer = layers[place]
    let share = LossConsistency.rounded(100 * layer.relativeResidual)
    return UpdateMisfit(
      .other,
      """
      At \(layer.name), with everything behind it known, the gradient's \(layer.equations) equations for \
      \(layer.unknowns) values contradict each other (\(share) % is left): the update is of other \
      weights, another mode (\(.mode)), kind, loss or batch size than stated, its tensors were mixed up, or \
      its numbers were changed.
      """)
  }

  /// What is left of each layer's equations for the gradient of a random image, rounded as the update is.
  private func usualResiduals(_ run: AttackRun) throws(AttackError) -> [Double]? {
    var source = RandomSource(seed: configuration.seed).derive(label: "usual residuals")
    let images = source.uniformTensor(batchShape, .f64)
    let other = try weighted.share(
      images: images, labels: knownLabels ?? [0], loss: update.loss, mode: mode, backend: backend)
    let scale = (other.squaredNorm / update.squaredNorm).squareRoot()
    let disturbed = other.disturbed(
      energies: update.roundingEnergies.map { $0 * scale * scale }, &source)
    return try replacing(disturbed).testedLayers(run)?.map(\.relativeResidual)
  }
}
