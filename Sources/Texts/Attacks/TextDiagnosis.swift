import Attacks
import Clients
import Foundation
import ModelIO
import TensorGraph

extension Diagnosis {
  /// Squared distances, relative to the update's squared norm, that half precision leaves of the right texts.
  private static let smallRest = 1e-4

  /// What an attack on texts ended in, and what follows from that: said before the texts.
  ///
  /// - Parameter misfit: why the update cannot be the model's; nil where nothing speaks against it.
  init(_ result: TextAttackResult, batchSize: Int, isZero: Bool, misfit: Sentence?) {
    let (verdict, explanation) = Diagnosis.judgement(
      result, batchSize: batchSize, isZero: isZero, misfit: misfit)
    self.init(
      verdict, explanation,
      relativeMatchingLoss: (result.unexplainedDistance ?? result.relativeDistance) ?? 1)
  }

  private static func judgement(
    _ result: TextAttackResult, batchSize: Int, isZero: Bool, misfit: Sentence?
  ) -> (Verdict, Sentence) {
    if isZero {
      return (
        .carriesNothing,
        """
        The update is exactly zero, whatever the texts are: nothing can be read from it, and nothing is \
        shown to be safe. A loss that is constant, or parameters that were not trained, do this.
        """
      )
    }
    if result.isCertain {
      return (
        .recovered,
        "The texts' own update is the shared one to rounding, and that of no near miss of them is."
      )
    }
    if result.isAmbiguous {
      return (
        .recoveredUpToAmbiguity,
        """
        The texts have the shared update to rounding, but so do others that differ from them in a token \
        or in the order of two.
        """
      )
    }
    if let misfit { return (.doesNotFit, misfit) }
    if let distance = result.relativeDistance, distance < smallRest {
      return (
        .recoveredUpToAmbiguity,
        """
        The texts account for all but \(String(format: "%.1e", distance)) of the squared norm of the update. Rounding to half \
        precision or noise leaves that, and so may a wrong token: they are not certain.
        """
      )
    }
    let found = "\(result.texts.count) of \(batchSize) texts"
    if result.wasCutShort {
      return (
        .cutShort,
        "The attack was ended before it was done, with \(found): that is no sign of safety. Give it more time."
      )
    }
    return (
      .stuck,
      """
      \(found) were brought forward, and they do not account for the whole update, so none of them is \
      certain. That is no proof of safety: another attack may succeed, and a wrong batch size, loss, kind \
      of update or training with dropout look the same.
      """
    )
  }
}

extension TextInversion {
  /// Why the update cannot be the model's under what is said of it; nil where nothing speaks against it.
  ///
  /// Every token adds the same vector to the rows of its position and of its segment, and cross entropy's factors
  /// sum to 0 over the classes: whatever breaks that is no update of this model and loss.
  func misfit() -> Sentence? {
    guard update.adapters == nil, update.noiseDeviations.isEmpty, update.rounding == nil,
      update.training?.rule.movesAlongGradients ?? true
    else { return nil }
    let names = model.names
    if let segments = names.segmentEmbedding.flatMap({ update.gradients[$0] }),
      let positions = update.gradients[names.positionEmbedding],
      TextInversion.differs(segments.sumOfRows, positions.sumOfRows)
    {
      return """
        The gradients of its position and segment embeddings have \
        different sums, and in an update of its own they are equal. It may be of another model or kind \
        (weights, not a gradient), or noise or compression has changed it.
        """
    }
    if case .classification = model.configuration.head, !model.effectiveLoss.comparesNumbers,
      let classifier = update.gradients[names.output]
    {
      let largest = (0..<classifier.shape[0]).map { classifier.row($0).map(abs).reduce(0, +) }.max()
      let sum = classifier.sumOfRows.map(abs).reduce(0, +)
      if sum > TextInversion.tolerance * (largest ?? 0) {
        return """
          The classification layer's gradient does not sum to 0 \
          over the classes, as that of cross entropy does. Another loss (problem_type in config.json), another \
          kind of update, or noise does this.
          """
      }
    }
    return nil
  }

  /// Above what half precision makes of a sum.
  private static let tolerance = 0.05

  private static func differs(_ left: [Double], _ right: [Double]) -> Bool {
    let distance = zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let size = left.reduce(0) { $0 + $1 * $1 } + right.reduce(0) { $0 + $1 * $1 }
    return distance > tolerance * tolerance * size
  }

  /// Whether the update is a multiple of the gradient of the texts that were found, with the labels that were read
  /// or, of one text, another: then its scale or sign is not what was said. Nil where it is not.
  func scaleMisfit(
    of result: TextAttackResult, _ session: TextAttackSession
  ) throws(AttackError) -> Sentence? {
    guard !result.isCertain, update.training == nil, update.adapters == nil,
      result.texts.count == update.batchSize, !session.isStopped,
      let read = try batch(of: result.texts)
    else { return nil }
    var batches = [read]
    if case .classes(let classes) = read.labels, classes.count == 1 {
      for label in 0..<min(model.labelClasses, 16) where [label] != classes {
        batches.append(
          TextBatch(tokens: read.tokens, labels: .classes([label]), layouts: read.layouts))
      }
    }
    var best: (factor: Double, distance: Double)?
    for batch in batches {
      let (factor, rest) = try session.scale(of: batch, self)
      guard rest < 1e-5, factor != 0 else { continue }
      let distance = factor < 0 ? abs(factor + 1) : abs(factor - 1)
      if distance < best?.distance ?? .infinity { best = (factor, distance) }
    }
    // Truncation to half precision makes an update up to 0.4 % smaller.
    guard let factor = best?.factor, abs(factor - 1) > 0.01 else { return nil }
    let number = "\((factor * 10000).rounded() / 10000)"
    let what =
      factor < 0
      ? "sign is reversed, as that of a difference of weights is" : "scale is not the gradient's"
    return """
      The update is \(number) times the gradient of the texts below: its \(what), or a label is not what it \
      seems. If it is a difference of weights, say so with \(.updateKind, "difference") and \
      \(.learningRate); a sum over texts is \(.batchSize) times their mean.
      """
  }
}

extension TextEvaluator {
  /// The factor of a batch's gradient that comes nearest to an update, and what is left of the update then, relative
  /// to its squared norm.
  func scale(of batch: TextBatch, to update: TextUpdate, norm: Double) throws(AttackError) -> (
    factor: Double, rest: Double
  ) {
    let gradients = try evaluate(batch).gradients
    var (product, own) = (0.0, 0.0)
    for (spec, gradient) in zip(parameters, gradients) {
      guard let target = update.gradients[spec.name] else { continue }
      for (left, right) in zip(gradient.doubles, target.doubles) {
        product += left * right
        own += left * left
      }
    }
    guard own > 0, norm > 0 else { return (0, 1) }
    return (product / own, max(1 - product * product / (own * norm), 0))
  }
}

extension Tensor {
  /// The sum of a matrix's rows.
  fileprivate var sumOfRows: [Double] {
    var sum = [Double](repeating: 0, count: shape[1])
    let elements = doubles
    for index in elements.indices { sum[index % shape[1]] += elements[index] }
    return sum
  }
}
