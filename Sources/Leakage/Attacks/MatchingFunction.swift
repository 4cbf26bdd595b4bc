import TensorGraph

/// The matching loss as a solver's objective: a point is the dummy images, followed by the dummy
/// labels' logits where they are sought too. With a noisy update the value is the matching loss plus
/// the energy of the ``PixelPrior``.
///
/// Compiled once; every evaluation writes the point into the graph's buffers, runs it and reads the
/// results, without allocating.
final class MatchingFunction: ObjectiveFunction {
  let dimension: Int
  /// Number of leading coordinates that are pixels.
  let imageCount: Int
  private let executable: any Executable
  /// Buffers whose contents are the point, in order, and its gradient.
  private let variables: [HostBuffer]
  private let gradients: [HostBuffer]
  private let loss: HostBuffer
  private let prior: PixelPrior?

  /// - Parameters:
  ///   - problem: its update as the counter-attack sees it is matched.
  ///   - labels: class indices of the batch, or nil when they are sought.
  ///   - soughtForm: what sought labels are made of: logits, or probabilities as free numbers.
  /// - Throws: ``GraphError`` when the backend cannot run the objective.
  init(
    _ problem: AttackProblem, labels: [Int]?, soughtForm: LabelForm = .logits,
    precision: Precision
  ) throws(GraphError) {
    let (weighted, update, counter) = (problem.weighted, problem.matched, problem.counter)
    let matching = GradientMatchingGraph(
      problem.signature, labelForm: labels == nil ? soughtForm : .classIndices,
      seeksLabels: labels == nil, dtype: precision.dtype)
    let executable = try problem.backend.compile(matching.graph)
    self.executable = executable
    func bindFixed(_ tensors: [Tensor], from start: Int) {
      for (offset, tensor) in tensors.enumerated() {
        executable.bind(
          input: start + offset, to: HostBuffer(tensor.converted(to: precision.dtype)))
      }
    }
    bindFixed(weighted.parameters, from: matching.parameters.lowerBound)
    bindFixed(weighted.buffers, from: matching.buffers.lowerBound)
    bindFixed(
      update.sharedParameters.map { update.gradients[$0] }, from: matching.targets.lowerBound)
    bindFixed(counter.weights(of: update.sharedParameters), from: matching.weights.lowerBound)

    let types = matching.graph.inputs.map(\.type)
    let images = HostBuffer(types[matching.images])
    executable.bind(input: matching.images, to: images)
    let labelBuffer = HostBuffer(types[matching.labels])
    executable.bind(input: matching.labels, to: labelBuffer)
    let imageGradient = HostBuffer(types[matching.images])
    executable.bind(output: matching.imageGradient, to: imageGradient)
    loss = HostBuffer(matching.graph.outputTypes[matching.matchingLoss])
    executable.bind(output: matching.matchingLoss, to: loss)
    imageCount = images.type.shape.elementCount
    if let labels {
      labelBuffer.write(Tensor(labelBuffer.type.shape, .i32, labels.map(Double.init)))
      variables = [images]
      gradients = [imageGradient]
    } else {
      variables = [images, labelBuffer]
      gradients = [imageGradient, HostBuffer(labelBuffer.type)]
      if let labelGradient = matching.labelGradient {
        executable.bind(output: labelGradient, to: gradients[1])
      }
    }
    prior =
      counter.noiseVariance > 0
      ? PixelPrior(shape: images.type.shape, noiseVariance: counter.noiseVariance) : nil
    dimension = variables.reduce(0) { $0 + $1.type.shape.elementCount }
  }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    variables.store(point)
    executable.run()
    gradients.load(into: gradient)
    guard let prior else { return loss.number(at: 0) }
    return loss.number(at: 0) + prior.addEnergy(at: point, gradient: gradient)
  }
}
