import Clients
import TensorGraph

/// The graph of 1 - cos(u', u) + w TV(images) and its gradient, w being the width: u is what a client shared whose
/// optimiser divides each number by its own size, u' the update of dummy images by the same steps with a wider
/// divisor.
///
/// Such steps are next to signs, whose derivatives vanish nearly everywhere. With a share of the gradient's own root
/// mean square added to the divisor they are smooth, and as that share falls they become the client's.
///
/// Inputs, in order: dummy images [N, C, H, W]; class indices; the model's parameters; the model's buffers, and what
/// the optimiser kept; one target for each shared parameter; the width, a scalar. The images vary, the rest is fixed.
struct SmoothedMatchingGraph: Sendable {
  let function: GraphFunction
  let images: ValueHandle
  let labels: ValueHandle
  let parameters: [ValueHandle]
  let buffers: [ValueHandle]
  let targets: [ValueHandle]
  let width: ValueHandle
  /// What is minimised: a scalar.
  let distance: ValueHandle
  let imageGradient: ValueHandle

  init(_ signature: UpdateSignature, dtype: DType) {
    let builder = GraphBuilder()
    let model = signature.model
    let inputs = builder.attackInputs(
      model, batchSize: signature.batchSize, labelForm: .classIndices, training: signature.training,
      dtype: dtype, labelRole: .fixed)
    let targets = signature.sharedParameters.map {
      builder.input("target", model.parameters[$0].shape, dtype, role: .fixed)
    }
    let width = builder.input("width", [], dtype)
    let candidate = model.clientUpdate(
      images: inputs.images, labels: inputs.labels, labelForm: .classIndices,
      parameters: inputs.parameters, buffers: inputs.buffers, loss: signature.loss,
      training: signature.training, mode: signature.mode, width: width)
    let moves = signature.sharedParameters.map { candidate.gradients[$0] }
    let variation = Priors.TotalVariation().value(of: inputs.images)
    let distance = 1 - InnerProducts(moves, targets).cosine + variation * width
    let gradient = distance.gradient(withRespectTo: [inputs.images])[0]
    function = builder.function(computing: [distance, gradient])
    images = inputs.images.handle
    labels = inputs.labels.handle
    parameters = inputs.parameters.map(\.handle)
    buffers = inputs.buffers.map(\.handle)
    self.targets = targets.map(\.handle)
    self.width = width.handle
    self.distance = distance.handle
    imageGradient = gradient.handle
  }
}
