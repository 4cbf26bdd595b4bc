import Clients
import TensorGraph

extension LabelRecovery {
  /// The labels of a batch that was trained on for several steps, in ascending order; nil where the
  /// update does not tell them.
  ///
  /// A single example's label is the sign that iDLG reads, which every step leaves as it is. A batch's
  /// are counts, see ``labels(from:to:learningRate:steps:batchSize:seed:backend:)``; other steps than those of
  /// plain gradient descent, mini-batches and clients of unlike sizes, and other losses than the plain mean cross
  /// entropy are not what these are for.
  ///
  /// - Throws: ``AttackError`` when the backend fails.
  static func labels(
    of update: SharedUpdate, after training: LocalTraining, _ weighted: WeightedModel, seed: UInt64,
    backend: any Backend
  ) throws(AttackError) -> [Int]? {
    guard training.rule.keepsSigns else { return nil }
    if update.batchSize == 1 {
      return try AttackError.ifApplicable { () throws(AttackError) in
        [try singleLabel(of: update, model: weighted.model)]
      }
    }
    if training.rule.isAdaptive { return labelsBySign(of: update, weighted.model) }
    let clients = training.clientSizes
    guard training.rule.isPlain, clients.allSatisfy({ $0 == clients[0] }),
      clients[0] % training.miniBatchSize == 0, update.loss == .meanCrossEntropy, update.isComplete
    else { return nil }
    let moved = zip(weighted.parameters, update.gradients).map { before, change in
      let pairs = zip(before.doubles, change.doubles)
      return Tensor(before.shape, .f64(pairs.map { $0 - training.learningRate * $1 }))
    }
    let counts = try AttackError.ifApplicable { () throws(AttackError) in
      try expectedCounts(
        from: weighted,
        to: WeightedModel(model: weighted.model, parameters: moved, buffers: weighted.buffers),
        learningRate: training.learningRate, steps: training.stepsPerClient,
        batchSize: training.miniBatchSize, seed: seed, backend: backend)
    }
    guard let counts else { return nil }
    return labels(
      fromCounts: counts.map { $0 * Double(clients.count) / Double(training.epochs) },
      total: update.batchSize)
  }
}

extension LabelRecovery {
  /// The labels of a batch by the signs of the last layer's bias, ascending: nil where there are fewer classes below 0
  /// than examples, since signs do not tell how often a label occurs.
  private static func labelsBySign(of update: SharedUpdate, _ model: Model) -> [Int]? {
    guard update.loss.showsLabelBySign, update.loss.labelSmoothing == 0,
      let sums = ClassifierGradient(update, model)?.sums
    else { return nil }
    let labels = sums.indices.filter { sums[$0] < 0 }
    return labels.count == update.batchSize ? labels : nil
  }
}

extension LocalTraining {
  /// The ways in which labels can be spread over the mini-batches, each once; nil when there are more
  /// than `limit`. Within a mini-batch the order does not matter, nor does that of clients with
  /// batches of one size.
  func arrangements(of labels: [Int], limit: Int) -> [[Int]]? {
    let classes = Set(labels).sorted()
    let firsts = Set(steps.compactMap(\.first))
    let batches = clientRanges
    /// Whether a client that just got its last label is not before an equal one in the alphabet.
    func isSorted(_ beginning: [Int]) -> Bool {
      zip(batches, batches.dropFirst()).allSatisfy { earlier, later in
        later.upperBound != beginning.count || earlier.count != later.count
          || !beginning[later].lexicographicallyPrecedes(beginning[earlier])
      }
    }
    var left = Dictionary(grouping: labels) { $0 }.mapValues(\.count)
    var found: [[Int]] = []
    func extend(_ beginning: [Int]) {
      guard found.count <= limit, isSorted(beginning) else { return }
      guard beginning.count < labels.count else { return found.append(beginning) }
      let least = firsts.contains(beginning.count) ? nil : beginning.last
      for label in classes where label >= least ?? label {
        guard let count = left[label], count > 0 else { continue }
        left[label] = count - 1
        extend(beginning + [label])
        left[label] = count
      }
    }
    extend([])
    return found.count <= limit ? found : nil
  }
}

extension SharedUpdate {
  /// - Throws: ``AttackError`` naming `attack` when several local steps are behind the update.
  func requireOneGradient(_ attack: String) throws(AttackError) {
    guard let training else { return }
    throw AttackError(
      "\(attack) reads one gradient, and this update is of \(training); use the attack auto, lm or an "
        + "optimisation plan, which follow every step")
  }
}
