import TensorGraph

/// The gradient that a client computes on a batch, and the values on the way to it.
public struct ClientGradient {
  /// [N, K], or [N, ..., K] for a label at every position.
  public let logits: Value
  /// Scalar.
  public let loss: Value
  /// The loss's gradient for each parameter, in the model's order.
  public let gradients: [Value]
}

extension Model {
  /// The loss and parameter gradients of a batch, as values of the graph its inputs belong to.
  ///
  /// - Parameters:
  ///   - images: [N, C, H, W].
  ///   - labels: of the form `labelForm`.
  public func clientGradient(
    images: Value, labels: Value, labelForm: LabelForm, parameters: [Value], buffers: [Value],
    loss: ClientLoss = .meanCrossEntropy, mode: ForwardMode = .evaluation
  ) -> ClientGradient {
    let trace = trace(images, parameters: parameters, buffers: buffers, mode: mode)
    var loss = loss.value(of: trace.logits, labels: labels, form: labelForm)
    if let bottleneck = trace.bottleneck { loss = loss + bottleneck.penalty }
    return ClientGradient(
      logits: trace.logits, loss: loss, gradients: loss.gradient(withRespectTo: parameters))
  }
}

/// The graph of the update that a client shares: a gradient, or with a ``LocalTraining`` what its steps
/// come to (see `clientUpdate(images:labels:labelForm:parameters:buffers:loss:training:mode:)`;
/// loss and logits are the first step's).
///
/// Inputs, in order: images [N, C, H, W]; labels; the model's parameters; the model's buffers, and what the
/// client's optimiser kept from earlier rounds. The
/// images and labels vary, the rest is fixed. Outputs: loss (scalar); logits [N, K]; the gradient of
/// each parameter.
public struct ClientGradientGraph: Sendable {
  /// What is compiled.
  public let function: GraphFunction
  /// The images [N, C, H, W].
  public let images: ValueHandle
  /// Of the form that was asked for.
  public let labels: ValueHandle
  /// The model's parameters.
  public let parameters: [ValueHandle]
  /// The model's buffers, then the optimiser's state.
  public let buffers: [ValueHandle]
  /// A scalar.
  public let loss: ValueHandle
  /// [N, K].
  public let logits: ValueHandle
  /// The parameters' gradients.
  public let gradients: [ValueHandle]

  /// The graph for batches of `batchSize`.
  public init(
    _ model: Model, batchSize: Int, labelForm: LabelForm, loss: ClientLoss = .meanCrossEntropy,
    dtype: DType = .f32, mode: ForwardMode = .evaluation, training: LocalTraining? = nil
  ) {
    let builder = GraphBuilder()
    let inputs = builder.attackInputs(
      model, batchSize: batchSize, labelForm: labelForm, training: training, dtype: dtype,
      labelRole: .varying)
    let result = model.clientUpdate(
      images: inputs.images, labels: inputs.labels, labelForm: labelForm,
      parameters: inputs.parameters, buffers: inputs.buffers, loss: loss, training: training,
      mode: mode)
    function = builder.function(computing: [result.loss, result.logits] + result.gradients)
    images = inputs.images.handle
    labels = inputs.labels.handle
    parameters = inputs.parameters.map(\.handle)
    buffers = inputs.buffers.map(\.handle)
    self.loss = result.loss.handle
    logits = result.logits.handle
    gradients = result.gradients.map(\.handle)
  }
}

/// The inputs that a client's gradient depends on, declared in the order above.
package struct AttackInputs {
  package let images: Value
  package let labels: Value
  package let parameters: [Value]
  package let buffers: [Value]
}

extension GraphBuilder {
  package func attackInputs(
    _ model: Model, batchSize: Int, labelForm: LabelForm, training: LocalTraining? = nil,
    dtype: DType, labelRole: InputRole
  ) -> AttackInputs {
    precondition(batchSize >= 1, "a batch of \(batchSize) images has no gradient")
    let labelType = labelForm.type(
      batchSize: batchSize, positions: model.labelPositions, classCount: model.classCount,
      dtype: dtype)
    let images = input("images", Shape([batchSize] + model.inputShape.dimensions), dtype)
    let labels = input("labels", labelType.shape, labelType.dtype, role: labelRole)
    let parameters = model.parameters.map { input($0.name, $0.shape, dtype, role: .fixed) }
    let buffers = model.trainedBuffers(training).map {
      input($0.name, $0.shape, dtype, role: .fixed)
    }
    return AttackInputs(images: images, labels: labels, parameters: parameters, buffers: buffers)
  }
}
