import Clients
import TensorGraph

/// The graph of the gradient that a client of a language model shares.
///
/// Inputs, in order: tokens [N, T], i32; mask [N, T]; labels, i32, one for each row of labelled logits,
/// negative for none, or numbers [N, K]; segments [N, T], i32, where there are any; the model's parameters. Outputs: loss (scalar); logits; the gradient of each
/// parameter.
package struct TextGradientGraph: Sendable {
  package let function: GraphFunction
  package let tokens: ValueHandle
  package let mask: ValueHandle
  package let labels: ValueHandle
  /// Nil where all tokens are in the first segment.
  package let segments: ValueHandle?
  package let parameters: [ValueHandle]
  package let loss: ValueHandle
  package let logits: ValueHandle
  /// The parameters' gradients.
  package let gradients: [ValueHandle]

  /// - Parameter hasSegments: whether texts have tokens of other segments than the first.
  package init(
    _ model: TextModel, batchSize: Int, length: Int, hasSegments: Bool = false,
    dtype: DType = .f32
  ) {
    let builder = GraphBuilder()
    let tokens = builder.input("tokens", [batchSize, length], .i32)
    let mask = builder.input("mask", [batchSize, length], dtype)
    let labelType = model.labelType(batchSize: batchSize, length: length, dtype)
    let labels = builder.input("labels", labelType.shape, labelType.dtype)
    let segments =
      hasSegments ? builder.input("segments", [batchSize, length], .i32) : nil
    let parameters = builder.parameters(of: model, dtype)
    let pass = model.pass(builder, parameters, dtype)
    let embedded = pass.lookUp(tokens)
    let forward = pass.forward(embedded: embedded, mask: mask, segments: segments)
    let loss = model.loss(forward.logits, labels: labels)
    var gradients = loss.gradient(withRespectTo: parameters + [embedded])
    let ofEmbedded = gradients.removeLast()
    if let padding = model.configuration.paddingToken,
      let table = model.parameters.firstIndex(where: { $0.name == model.names.tokenEmbedding })
    {
      gradients[table] = gradients[table].withoutLookUps(
        of: padding, tokens: tokens, gradients: ofEmbedded)
    }
    function = builder.function(computing: [loss, forward.logits] + gradients)
    self.tokens = tokens.handle
    self.mask = mask.handle
    self.labels = labels.handle
    self.segments = segments?.handle
    self.parameters = parameters.map(\.handle)
    self.loss = loss.handle
    logits = forward.logits.handle
    self.gradients = gradients.map(\.handle)
  }
}

extension Value {
  /// This gradient of a token embedding [V, d] without what it got where `token` was looked up, as PyTorch's
  /// `padding_idx` leaves it out.
  ///
  /// - Parameters:
  ///   - tokens: [N, T].
  ///   - gradients: of what was looked up, [N, T, d].
  fileprivate func withoutLookUps(
    of token: Int, tokens: Value, gradients: Value
  ) -> Value {
    let width = shape[1]
    let isToken = tokens.equal(to: tokens.filled(with: Double(token))).convert(to: dtype)
      .reshape(to: [tokens.shape[0], tokens.shape[1], 1])
    let sum = (gradients * isToken).sum(axes: [0, 1]).reshape(to: [1, width])
    let row = builder.iota([shape[0], 1], axis: 0)
    let isRow = row.equal(to: row.filled(with: Double(token))).convert(to: dtype)
    return self - isRow * sum
  }
}

extension GraphBuilder {
  /// An input for each parameter of a model, in order.
  func parameters(of model: TextModel, _ dtype: DType) -> [Value] {
    model.parameters.map { input($0.name, $0.shape, dtype, role: .fixed) }
  }
}

extension TextModel {
  /// The forward pass with these parameters, one for each of ``parameters``.
  func pass(_ builder: GraphBuilder, _ values: [Value], _ dtype: DType) -> TextForwardPass {
    let context = ForwardContext(
      mode: .evaluation, builder: builder, dtype: dtype,
      values: Dictionary(uniqueKeysWithValues: zip(parameters.map(\.name), values)))
    return TextForwardPass(configuration, ForwardScope(context: context, path: ""))
  }
}
