import TensorGraph

/// An image classifier: a forward pass, and the tensors it reads under their PyTorch names.
///
/// A value: it holds no weights. ``initialParameters(seed:dtype:)`` draws some, and
/// ``forward(_:parameters:buffers:mode:)`` computes with whatever it is given.
public struct Model: Sendable {
  /// The last layer, when it is fully connected: where labels show in a gradient.
  public struct Classifier: Hashable, Sendable {
    /// Index in ``Model/parameters`` of the weight [classes, features].
    public let weight: Int
    /// Index in ``Model/parameters`` of the bias [classes].
    public let bias: Int?
  }

  public let name: String
  /// Shape [C, H, W] of one image.
  public let inputShape: Shape
  /// Number of logits per image.
  public let classCount: Int
  /// Trained parameters, in the order of PyTorch's `named_parameters()`.
  public let parameters: [ParameterSpec]
  /// Untrained tensors, such as running statistics.
  public let buffers: [ParameterSpec]
  /// The fully connected layer that makes the logits, or nil when they are made otherwise.
  public let classifier: Classifier?

  /// Maps images [N, C, H, W] to logits, reading parameters from the scope.
  let body: @Sendable (ForwardScope, Value) -> Value

  /// Makes a model from its forward pass, which maps images [N, C, H, W] to logits [N, classCount]
  /// and is run once to find out which parameters it reads.
  public init(
    name: String, inputShape: Shape, classCount: Int,
    forward: @escaping @Sendable (ForwardScope, Value) -> Value
  ) {
    let builder = GraphBuilder()
    let input = builder.input("input", Shape([1] + inputShape.dimensions), .f32)
    let context = ForwardContext(mode: .evaluation, builder: builder, dtype: .f32, values: nil)
    let logits = forward(ForwardScope(context: context, path: ""), input)
    precondition(
      logits.shape == [1, classCount],
      "the forward pass of \(name) gives \(logits.shape), not [1, \(classCount)]")
    self.name = name
    self.inputShape = inputShape
    self.classCount = classCount
    self.parameters = context.parameters
    self.buffers = context.buffers
    self.classifier = context.linearLayers.last { $0.output == logits.id }.flatMap { layer in
      let index = { (name: String) in context.parameters.firstIndex { $0.name == name } }
      return index(layer.weight).map { Classifier(weight: $0, bias: layer.bias.flatMap(index)) }
    }
    self.body = forward
  }

  /// Number of trained numbers.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.elementCount } }

  /// The logits [N, classCount] of images [N, C, H, W].
  ///
  /// - Parameters:
  ///   - parameters: one value per ``parameters``, in that order, of the input's element type.
  ///   - buffers: one value per ``buffers``, likewise.
  public func forward(
    _ input: Value, parameters: [Value], buffers: [Value] = [], mode: ForwardMode = .evaluation
  ) -> Value {
    precondition(
      input.shape.rank == 4 && input.shape.removing(axes: [0]) == inputShape,
      "\(name) takes images [N, C, H, W] of \(inputShape), not \(input.shape)")
    precondition(
      parameters.count == self.parameters.count && buffers.count == self.buffers.count,
      "\(name) takes \(self.parameters.count) parameters and \(self.buffers.count) buffers, not "
        + "\(parameters.count) and \(buffers.count)")
    let names = (self.parameters + self.buffers).map(\.name)
    let values = Dictionary(uniqueKeysWithValues: zip(names, parameters + buffers))
    let context = ForwardContext(
      mode: mode, builder: input.builder, dtype: input.dtype, values: values)
    return body(ForwardScope(context: context, path: ""), input)
  }
}
