import Clients
import TensorGraph

extension LabelRecovery {
  /// The labels behind a weight update after local training, repeated as often as they are believed to
  /// occur among the examples seen, in ascending order.
  ///
  /// Each local step moves the last bias by -lr (p - counts / B), so that over `steps` steps of B examples
  /// counts = examples · p̄ + B Δb / lr, where p̄ are the mean probabilities on the way: here the mean of
  /// the start's and the end's on dummy images (Geng et al. 2021, arXiv 2110.09074; Dimitrov et al. 2022,
  /// arXiv 2206.12395, appendix, interpolate in the same way).
  ///
  /// - Parameters:
  ///   - start: the weights that the server sent.
  ///   - end: the weights that came back.
  ///   - learningRate: of the client's plain SGD.
  ///   - steps: local steps in all epochs.
  ///   - batchSize: examples in each step.
  /// - Throws: ``AttackError`` when the model does not end in a fully connected layer with bias.
  package static func labels(
    from start: WeightedModel, to end: WeightedModel, learningRate: Double, steps: Int,
    batchSize: Int, seed: UInt64, backend: any Backend
  ) throws(AttackError) -> [Int] {
    let counts = try expectedCounts(
      from: start, to: end, learningRate: learningRate, steps: steps, batchSize: batchSize,
      seed: seed, backend: backend)
    return labels(fromCounts: counts, total: steps * batchSize)
  }

  /// For each class how many of the examples seen are believed to be of it, not rounded.
  static func expectedCounts(
    from start: WeightedModel, to end: WeightedModel, learningRate: Double, steps: Int,
    batchSize: Int, seed: UInt64, backend: any Backend
  ) throws(AttackError) -> [Double] {
    guard let bias = start.model.classifier?.bias else {
      throw AttackError(
        "label counts are read off a fully connected last layer with bias, which "
          + "\(start.model.name) lacks")
    }
    guard learningRate > 0, learningRate.isFinite, steps >= 1, batchSize >= 1 else {
      throw AttackError(
        "a weight update of \(steps) steps of \(batchSize) examples at learning rate "
          + "\(learningRate): all three must be above 0")
    }
    let before = try DummyStatistics(start, seed: seed, backend: backend).probabilities
    let after = try DummyStatistics(end, seed: seed, backend: backend).probabilities
    let (first, last) = (start.parameters[bias].doubles, end.parameters[bias].doubles)
    let total = steps * batchSize
    return first.indices.map { index in
      let mean = (before[index] + after[index]) / 2
      return Double(total) * mean
        + (last[index] - first[index]) / learningRate * Double(batchSize)
    }
  }
}
