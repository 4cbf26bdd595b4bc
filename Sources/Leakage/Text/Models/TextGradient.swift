import TensorGraph

extension TextModel {
  /// The mean cross entropy of labelled rows, and what it is a mean of.
  ///
  /// - Parameters:
  ///   - labels: class indices, one for each row of labelled logits; negative ones count as no label.
  func loss(_ logits: Value, classIndices labels: Value) -> Value {
    let rows = labelledLogits(logits)
    let total = rows.crossEntropy(classIndices: labels, reduction: .sum)
    let count = labels.less(than: labels.filled(with: 0)).logicalNot().convert(to: logits.dtype)
    return total / count.sum().maximum(1)
  }
}

/// The graph of the gradient that a client of a language model shares.
///
/// Inputs, in order: tokens [N, T], i32; mask [N, T]; labels, i32, one for each row of labelled logits,
/// negative for none; the model's parameters. Outputs, in order: loss (scalar); logits; the gradient of
/// each parameter.
public struct TextGradientGraph: Sendable {
  public let graph: Graph
  public let tokens = 0
  public let mask = 1
  public let labels = 2
  /// Input indices of the parameters.
  public let parameters: Range<Int>
  public let loss = 0
  public let logits = 1
  /// Output indices of the gradients.
  public let gradients: Range<Int>

  /// - Parameter gradients: names of the parameters whose gradients are wanted; all by default.
  public init(
    _ model: TextModel, batchSize: Int, length: Int, dtype: DType = .f32
  ) {
    let builder = GraphBuilder()
    let tokens = builder.input("tokens", [batchSize, length], .i32)
    let mask = builder.input("mask", [batchSize, length], dtype)
    let labels = builder.input(
      "labels", [model.labelCount(batchSize: batchSize, length: length)], .i32)
    let parameters = builder.parameters(of: model, dtype)
    let pass = model.pass(builder, parameters, dtype)
    let forward = pass.forward(tokens: tokens, mask: mask)
    let loss = model.loss(forward.logits, classIndices: labels)
    let gradients = loss.gradient(withRespectTo: parameters)
    graph = builder.build(outputs: [loss, forward.logits] + gradients)
    self.parameters = 3..<3 + parameters.count
    self.gradients = 2..<2 + parameters.count
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
