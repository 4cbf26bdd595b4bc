import TensorGraph

/// The graph of the DLG objective and its gradient: the squared distance between the gradient of a
/// dummy batch and the gradient that was shared, D = Σ ‖∇W'ᵢ - ∇Wᵢ‖² over the parameters, as a
/// function of the dummy data (Zhu et al. 2019, arXiv 1906.08935, algorithm 1).
///
/// Inputs, in order: dummy images [N, C, H, W]; labels; the model's parameters; the model's buffers;
/// one target gradient per shared parameter; with a weighted ``MatchingView`` one weight for each of
/// these. The images vary, and so do the labels where they are dummies
/// too; the rest is fixed. Outputs, in order: D (scalar); its gradient with respect to the images
/// and, where the labels vary, with respect to the labels.
public struct GradientMatchingGraph: Sendable {
  public let graph: Graph
  /// Input index of the dummy images [N, C, H, W].
  public let images = 0
  /// Input index of the labels.
  public let labels = 1
  /// Input indices of the model's parameters.
  public let parameters: Range<Int>
  /// Input indices of the model's buffers.
  public let buffers: Range<Int>
  /// Input indices of the target gradients, one per shared parameter.
  public let targets: Range<Int>
  /// Input indices of the weights of the gradients' elements; empty without weights.
  public let weights: Range<Int>
  /// Output index of the matching loss D.
  public let matchingLoss = 0
  /// Output index of D's gradient with respect to the images.
  public let imageGradient = 1
  /// Output index of D's gradient with respect to the dummy labels; nil when labels are given.
  public let labelGradient: Int?

  /// - Parameters:
  ///   - signature: the sum goes over its shared parameters; the targets must be as its view has them.
  ///   - labelForm: ``LabelForm/logits`` optimises the labels as well, as DLG does; the other forms
  ///     take them as known, as iDLG does.
  ///   - seeksLabels: overrides that, for probabilities that are optimised as free numbers.
  public init(
    _ signature: UpdateSignature, labelForm: LabelForm, seeksLabels: Bool? = nil,
    dtype: DType = .f32
  ) {
    let (model, batchSize, loss) = (signature.model, signature.batchSize, signature.loss)
    let (shared, training) = (signature.shared, signature.training)
    let (mode, view) = (signature.mode, signature.view)
    let builder = GraphBuilder()
    let optimizesLabels = seeksLabels ?? (labelForm == .logits)
    precondition(
      !optimizesLabels || labelForm != .classIndices, "class indices cannot be optimised")
    let inputs = builder.attackInputs(
      model, batchSize: batchSize, labelForm: labelForm, dtype: dtype,
      labelRole: optimizesLabels ? .varying : .fixed)
    let targets = shared.map {
      let spec = model.parameters[$0]
      return builder.input(spec.name + ".target", spec.shape, dtype, role: .fixed)
    }
    let weights = view.weightInputs(builder, shared.map { model.parameters[$0] }, dtype)
    let candidate = model.clientUpdate(
      images: inputs.images, labels: inputs.labels, labelForm: labelForm,
      parameters: inputs.parameters, buffers: inputs.buffers, loss: loss, training: training,
      mode: mode)
    let seen = view.seen(shared.map { candidate.gradients[$0] }, weights: weights)
    let distance = squaredDistance(seen, targets)
    let variables = optimizesLabels ? [inputs.images, inputs.labels] : [inputs.images]
    self.graph = builder.build(
      outputs: [distance] + distance.gradient(withRespectTo: variables))
    self.parameters = 2..<2 + model.parameters.count
    self.buffers = parameters.upperBound..<parameters.upperBound + model.buffers.count
    self.targets = buffers.upperBound..<buffers.upperBound + shared.count
    self.weights = self.targets.upperBound..<self.targets.upperBound + weights.count
    self.labelGradient = optimizesLabels ? 2 : nil
  }
}

/// Σ ‖leftᵢ - rightᵢ‖² over pairs of tensors: a scalar. The lists must not be empty.
public func squaredDistance(_ left: [Value], _ right: [Value]) -> Value {
  precondition(
    !left.isEmpty && left.count == right.count,
    "no distance between \(left.count) and \(right.count) tensors")
  let distances = zip(left, right).map { ($0 - $1).squared().sum() }
  return distances.dropFirst().reduce(distances[0], +)
}
