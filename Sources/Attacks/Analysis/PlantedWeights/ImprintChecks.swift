import TensorGraph

/// Finds the bins of Robbing the Fed (Fowl et al. 2022, arXiv 2110.13057).
enum ImprintChecks {
  typealias Finding = PlantedWeightCheck.Finding

  /// At least this many parallel rows, and this share of all, are no accident.
  private static let parallelCount = 8
  private static let parallelShare = 0.1

  /// Rows that are exact multiples of one another.
  static func byShape(_ layer: WeightLayer) -> Finding? {
    let rows = layer.rows
    let group = rows.largestParallelGroup()
    guard group.count >= parallelCount,
      Double(group.count) >= parallelShare * Double(rows.count)
    else { return nil }
    let offsets = layer.bias.map { bias in Set(group.map { bias[$0] }).count }
    let what = "\(group.count) of \(rows.count) rows of \(layer.name) point in one direction"
    if let offsets, offsets > group.count / 2 {
      return Finding(
        kind: .imprint, tensor: layer.name,
        explanation: what
          + ", with different biases: differences of their gradients are single images (Robbing the "
          + "Fed, arXiv 2110.13057).")
    }
    return Finding(
      kind: .imprint, tensor: layer.name,
      explanation: what + ": training does not do that, and the gradient of a layer before such a "
        + "one tells images apart (arXiv 2110.13057).")
  }

  /// Like weights and like answers anywhere; where images are read, the more alike the answers are the
  /// less the weights need to be. Networks trained from tiny weights have units alike too, but not
  /// against thresholds so far apart. The bounds lie between planted and honest networks as measured
  /// by `gradleak bench planted` and scripts/checks/trained-models.py.
  private static let anywhere = [
    UnitBins.Likeness(correlation: 0.999, cosine: 0.999, expectedReads: 2.3),
    UnitBins.Likeness(correlation: 0.99, cosine: 0.98, expectedReads: 3.2),
  ]
  /// The last is for clients whose images differ less than photographs do, such as digits.
  private static let ofImages = [
    UnitBins.Likeness(correlation: 0.99, cosine: 0.9, expectedReads: 2.9),
    UnitBins.Likeness(correlation: 0.995, cosine: 0, expectedReads: 2.8),
    UnitBins.Likeness(correlation: 0.99, cosine: 0.98, expectedReads: 2.9, spread: 0.5),
  ]

  static func byEffect(
    _ layer: WeightLayer, _ responses: [UnitResponses], backend: any Backend
  ) throws(GraphError) -> Finding? {
    for answers in responses {
      let bins = try UnitBins(layer.rows, answers, backend: backend)
      let likenesses = anywhere + (answers.areToImages ? ofImages : [])
      for likeness in likenesses {
        guard let group = bins.best(likeness), group.expectedReads >= likeness.expectedReads else {
          continue
        }
        let reads = (group.expectedReads * 10).rounded() / 10
        return Finding(
          kind: .imprint, tensor: layer.name,
          explanation: "\(group.units.count) of \(layer.rows.count) units of \(layer.name) measure "
            + "one number of the input against different thresholds, so that of 7 images about "
            + "\(reads) are alone between two: differences of the gradients are those images "
            + "(Robbing the Fed, arXiv 2110.13057).")
      }
    }
    return nil
  }
}
