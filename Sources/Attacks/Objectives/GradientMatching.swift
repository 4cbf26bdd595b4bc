import Clients
import TensorGraph

/// The graph of the DLG objective and its gradient: the squared distance between the gradient of a
/// dummy batch and the gradient that was shared, D = Σ ‖∇W'ᵢ - ∇Wᵢ‖² over the parameters, as a
/// function of the dummy data (Zhu et al. 2019, arXiv 1906.08935, algorithm 1).
///
/// Inputs, in order: dummy images [N, C, H, W]; labels; the model's parameters; the model's buffers;
/// one target gradient per shared parameter; what the ``MatchingView`` takes for each of these. The images vary, and so do the labels where they are dummies
/// too; the rest is fixed. Outputs: D (scalar); its gradient with respect to the images and, where the
/// labels vary, with respect to the labels.
package struct GradientMatchingGraph: Sendable {
  package let function: GraphFunction
  /// The dummy images [N, C, H, W].
  package let images: ValueHandle
  package let labels: ValueHandle
  /// The model's parameters.
  package let parameters: [ValueHandle]
  /// The model's buffers.
  package let buffers: [ValueHandle]
  /// The target gradients, one per shared parameter.
  package let targets: [ValueHandle]
  /// What the view takes; see `CounterAttack.viewed(_:of:isWeighted:)`.
  package let viewed: [ValueHandle]
  /// The matching loss D.
  package let matchingLoss: ValueHandle
  /// D's gradient with respect to the images.
  package let imageGradient: ValueHandle
  /// D's gradient with respect to the dummy labels; nil when labels are given.
  package let labelGradient: ValueHandle?

  /// - Parameters:
  ///   - signature: the sum goes over its shared parameters; the targets must be as its view has them.
  ///   - labelForm: ``LabelForm/logits`` optimises the labels as well, as DLG does; the other forms
  ///     take them as known, as iDLG does.
  ///   - seeksLabels: overrides that, for probabilities that are optimised as free numbers.
  package init(
    _ signature: UpdateSignature, labelForm: LabelForm, seeksLabels: Bool? = nil,
    dtype: DType = .f32
  ) {
    let (model, batchSize, loss) = (signature.model, signature.batchSize, signature.loss)
    let (sharedParameters, training) = (signature.sharedParameters, signature.training)
    let (mode, view) = (signature.mode, signature.view)
    let builder = GraphBuilder()
    let optimizesLabels = seeksLabels ?? (labelForm == .logits)
    precondition(
      !optimizesLabels || labelForm != .classIndices, "class indices cannot be optimised")
    let inputs = builder.attackInputs(
      model, batchSize: batchSize, labelForm: labelForm, training: training, dtype: dtype,
      labelRole: optimizesLabels ? .varying : .fixed)
    let targets = sharedParameters.map {
      let spec = model.parameters[$0]
      return builder.input(spec.name + ".target", spec.shape, dtype, role: .fixed)
    }
    let viewed = view.inputs(builder, sharedParameters.map { model.parameters[$0] }, dtype)
    let candidate = model.clientUpdate(
      images: inputs.images, labels: inputs.labels, labelForm: labelForm,
      parameters: inputs.parameters, buffers: inputs.buffers, loss: loss, training: training,
      mode: mode)
    let seen = view.seen(sharedParameters.map { candidate.gradients[$0] }, viewed)
    let distance = squaredDistance(seen, targets)
    let variables = optimizesLabels ? [inputs.images, inputs.labels] : [inputs.images]
    let gradients = distance.gradient(withRespectTo: variables)
    function = builder.function(computing: [distance] + gradients)
    images = inputs.images.handle
    labels = inputs.labels.handle
    parameters = inputs.parameters.map(\.handle)
    buffers = inputs.buffers.map(\.handle)
    self.targets = targets.map(\.handle)
    self.viewed = viewed.handles
    matchingLoss = distance.handle
    imageGradient = gradients[0].handle
    labelGradient = optimizesLabels ? gradients[1].handle : nil
  }
}

/// Σ ‖leftᵢ - rightᵢ‖² over pairs of tensors: a scalar. The lists must not be empty.
package func squaredDistance(_ left: [Value], _ right: [Value]) -> Value {
  precondition(
    !left.isEmpty && left.count == right.count,
    "no distance between \(left.count) and \(right.count) tensors")
  let distances = zip(left, right).map { ($0 - $1).squared().sum() }
  return distances.dropFirst().reduce(distances[0], +)
}
