import Clients
import TensorGraph

/// What is left of a batch's gradient when that of known texts is taken away.
///
/// A classifier's gradient is the mean of its texts' gradients, so that those that were found say what the
/// others gave: a smaller batch, which is read more easily than the whole.
extension TextInversion {
  /// The texts that `found` lacks of a batch; none where they cannot be told.
  func remainder(
    of found: [[Int]], _ session: TextAttackSession
  ) throws(AttackError) -> [[Int]] {
    guard case .classification = model.configuration.head, !found.isEmpty,
      found.count < update.batchSize, update.training == nil, update.adapters == nil,
      update.rounding == nil, update.noiseDeviations.isEmpty, !session.isStopped,
      let known = try batch(of: found)
    else { return [] }
    let missing = update.batchSize - found.count
    let rest = try TextUpdate(
      gradients: try residuals(known), batchSize: missing, model: model)
    let inversion = TextInversion(self, attacking: rest)
    guard inversion.norm > 0 else { return [] }
    let bag = try BagOfWords.read(rest, model: model, backend: backend)
    if let bag,
      let text = EmbeddingMatching.read(
        rest, model: model, bag: bag, algebra: backend.linearAlgebra
      ).first
    {
      layouts[text.tokens] = text.layout
      return [text.tokens]
    }
    // The rest is no gradient of texts when one of the known ones was wrong.
    let read = try AttackError.ifApplicable { () throws(AttackError) in
      try inversion.dager(session, bag)
    }
    return Array(read?.texts.prefix(missing) ?? [])
  }

  /// For each shared parameter the sum of the missing texts' gradients, divided by their number.
  private func residuals(_ known: TextBatch) throws(AttackError) -> [String: Tensor] {
    try model.check(known)
    let evaluator = try TextEvaluator(
      weights, batchSize: known.tokens.count, length: known.length,
      hasSegments: known.hasSegments, backend: backend)
    let own = try evaluator.evaluate(known).gradients
    let (all, share) = (Double(update.batchSize), Double(known.tokens.count))
    let missing = all - share
    let tables = [model.names.tokenEmbedding, model.names.positionEmbedding]
    var rest: [String: Tensor] = [:]
    for (spec, gradient) in zip(model.parameters, own) {
      guard let shared = update.gradients[spec.name] else { continue }
      let elements = zip(shared.doubles, gradient.doubles).map {
        (all * $0 - share * $1) / missing
      }
      let tensor = Tensor(shared.shape, .f64(elements))
      rest[spec.name] = tables.contains(spec.name) ? tensor.withoutDust : tensor
    }
    return rest
  }
}

extension Tensor {
  /// The same matrix with rows of 0 for those that are nothing but rounding beside the largest.
  fileprivate var withoutDust: Tensor {
    let norms = (0..<shape[0]).map { row in
      self.row(row).reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    let floor = 1e-4 * (norms.max() ?? 0)
    var elements = doubles
    for (row, norm) in norms.enumerated() where norm <= floor {
      for column in row * shape[1]..<(row + 1) * shape[1] { elements[column] = 0 }
    }
    return Tensor(shape, .f64(elements))
  }
}
