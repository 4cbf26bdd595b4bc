import Clients
import TensorGraph

/// The graph of products with the Gauss-Newton matrix of gradient matching: JᵀJ v, where J is the
/// Jacobian of the batch's parameter gradient with respect to what is sought (the images, and the
/// label probabilities or logits where they are sought too).
///
/// A product is a forward-mode derivative followed by a reverse-mode one, so J itself is never formed.
///
/// Inputs, in order: images [N, C, H, W]; labels; the model's parameters; the model's buffers; the
/// direction v: images, and labels where they are sought; what the ``MatchingView`` takes for each shared
/// parameter. With `columns` the directions and products have a new first axis of that
/// extent, and what does not depend on the direction is computed once.
package struct GaussNewtonGraph: Sendable {
  package let function: GraphFunction
  /// The images [N, C, H, W].
  package let images: ValueHandle
  package let labels: ValueHandle
  /// The model's parameters.
  package let parameters: [ValueHandle]
  /// The model's buffers.
  package let buffers: [ValueHandle]
  /// The directions, in the order of the unknowns: images, then labels.
  package let directions: [ValueHandle]
  /// What the view takes; see `CounterAttack.viewed(_:of:isWeighted:)`.
  package let viewed: [ValueHandle]
  /// The products, likewise.
  package let products: [ValueHandle]

  /// - Parameters:
  ///   - seeksLabels: whether the labels are unknowns; they must be probabilities or logits then.
  ///   - columns: number of directions to multiply at once, or nil for one without a new axis.
  package init(
    _ signature: UpdateSignature, labelForm: LabelForm, seeksLabels: Bool, columns: Int? = nil,
    dtype: DType = .f64
  ) {
    let (model, batchSize, loss) = (signature.model, signature.batchSize, signature.loss)
    let (sharedParameters, training) = (signature.sharedParameters, signature.training)
    let (mode, view) = (signature.mode, signature.view)
    precondition(
      !seeksLabels || labelForm != .classIndices, "class indices cannot be differentiated")
    let builder = GraphBuilder()
    let inputs = builder.attackInputs(
      model, batchSize: batchSize, labelForm: labelForm, training: training, dtype: dtype,
      labelRole: .varying)
    let variables = seeksLabels ? [inputs.images, inputs.labels] : [inputs.images]
    let tangents = variables.enumerated().map {
      builder.input("direction \($0)", $1.shape, dtype)
    }
    let viewed = view.inputs(builder, sharedParameters.map { model.parameters[$0] }, dtype)
    let candidate = model.clientUpdate(
      images: inputs.images, labels: inputs.labels, labelForm: labelForm,
      parameters: inputs.parameters, buffers: inputs.buffers, loss: loss, training: training,
      mode: mode)
    let gradients = view.seen(sharedParameters.map { candidate.gradients[$0] }, viewed)
    let changes = Value.pushforward(
      gradients, along: zip(variables, tangents).map { (variable: $0, tangent: $1) })
    let products = Value.pullback(
      zip(gradients, changes).map { (value: $0, cotangent: $1) }, to: variables)
    let single = builder.function(computing: products)
    images = inputs.images.handle
    labels = inputs.labels.handle
    parameters = inputs.parameters.map(\.handle)
    buffers = inputs.buffers.map(\.handle)
    directions = tangents.map(\.handle)
    self.viewed = viewed.handles
    self.products = products.map(\.handle)
    if let columns {
      function = single.vectorized(inputs: directions, count: columns)
    } else {
      function = single
    }
  }
}
