import TensorGraph

/// A classifier of images: a forward pass, and the tensors it reads under their PyTorch names.
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
    /// Whether the weight is stored as [features, classes] instead.
    public var isTransposed = false
  }

  /// A random layer's tensors: a variational bottleneck before the last layer.
  package struct Bottleneck: Hashable, Sendable {
    /// The fully connected layer before the noise, in ``Model/parameters``.
    package let encoder: Classifier
    /// The one that reads the noisy code.
    package let decoder: Classifier
    /// The noise [N, size], in ``Model/buffers``.
    package let noise: Int
  }

  /// For people and in records.
  public let name: String
  /// Shape [C, H, W] of one image.
  public let inputShape: Shape
  /// Number of logits per image, or per position of it.
  public let classCount: Int
  /// The axes between the batch and the classes of the logits: [] for one label per image, [T] for
  /// one at each of T tokens.
  public let labelPositions: Shape
  /// Trained parameters, in the order of PyTorch's `named_parameters()`.
  public let parameters: [ParameterSpec]
  /// Untrained tensors, such as running statistics.
  public let buffers: [ParameterSpec]
  /// The fully connected layer that makes the logits, or nil when they are made otherwise.
  public let classifier: Classifier?
  /// The random layer before the last, that a defence put there; nil without.
  package let bottleneck: Bottleneck?
  /// Number of batch normalisations.
  package let batchNormCount: Int
  /// Whether a forward pass tells what the last layer reads of each image.
  package var hasKnownFeatures: Bool { classifier != nil && labelPositions.rank == 0 }
  /// The batch size the model is examined with: 1, but for one that takes no other.
  public let probeBatchSize: Int
  /// What is done to pixels before the model sees them; nil when it takes them as they are.
  public private(set) var normalization: PixelNormalization?

  /// What is known of the numbers of an example, beside the model; nil where nothing is.
  public private(set) var inputStructure: InputStructure?

  /// Maps images [N, C, H, W] to logits, reading parameters from the scope.
  package let body: @Sendable (ForwardScope, Value) -> Value

  /// Makes a model from its forward pass, which maps images [N, C, H, W] to logits [N, ..., classCount]
  /// and is run once, with `probeBatchSize` images, to find out which parameters it reads.
  public init(
    name: String, inputShape: Shape, classCount: Int, labelPositions: Shape = [],
    probeBatchSize: Int = 1, forward: @escaping @Sendable (ForwardScope, Value) -> Value
  ) {
    let builder = GraphBuilder()
    let input = builder.input("input", Shape([probeBatchSize] + inputShape.dimensions), .f32)
    let context = ForwardContext(mode: .evaluation, builder: builder, dtype: .f32, values: nil)
    let logits = forward(ForwardScope(context: context, path: ""), input)
    let expected = Shape([probeBatchSize] + labelPositions.dimensions + [classCount])
    precondition(
      logits.shape == expected,
      "the forward pass of \(name) gives \(logits.shape), not \(expected)")
    self.name = name
    self.inputShape = inputShape
    self.classCount = classCount
    self.labelPositions = labelPositions
    self.parameters = context.parameters
    self.buffers = context.buffers
    self.probeBatchSize = probeBatchSize
    let layer = { (weight: String, bias: String?) -> Classifier? in
      let index = { (name: String) in context.parameters.firstIndex { $0.name == name } }
      return index(weight).map { Classifier(weight: $0, bias: bias.flatMap(index)) }
    }
    self.bottleneck = context.bottleneck.flatMap { found in
      let noise = context.buffers.firstIndex { $0.name == found.path + ".noise" }
      guard let noise,
        let encoder = layer(found.path + ".encoder.weight", found.path + ".encoder.bias"),
        let decoder = layer(found.path + ".decoder.weight", found.path + ".decoder.bias")
      else { return nil }
      return Bottleneck(encoder: encoder, decoder: decoder, noise: noise)
    }
    self.batchNormCount = context.batchNormLayers.count
    self.classifier = Classifier(
      of: builder.build(outputs: [logits]), parameters: context.parameters)
    self.body = forward
  }

  /// Number of trained numbers.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.elementCount } }

  /// Shape [N, C, H, W] of the images the model is examined with.
  package var probeShape: Shape { Shape([probeBatchSize] + inputShape.dimensions) }

  /// The same model for pixels in 0...1, which are normalised first, as a client's data loader does.
  /// What attacks seek are then the pixels.
  public func normalizing(_ normalization: PixelNormalization) -> Model {
    var result = self
    result.normalization = normalization
    return result
  }

  /// The same model for examples of a known structure. Traps when that has another number of inputs.
  public func reading(_ structure: InputStructure) -> Model {
    precondition(
      structure.inputCount == inputShape.elementCount,
      "\(structure.inputCount) inputs for \(name), which takes \(inputShape.elementCount)")
    var result = self
    result.inputStructure = structure
    return result
  }

  /// The same model for input that is normalised already.
  package var withoutNormalization: Model {
    var result = self
    result.normalization = nil
    return result
  }

  /// The logits [N, classCount] of images [N, C, H, W].
  ///
  /// - Parameters:
  ///   - parameters: one value per ``parameters``, in that order, of the input's element type.
  ///   - buffers: one value per ``buffers``, likewise.
  public func forward(
    _ input: Value, parameters: [Value], buffers: [Value] = [], mode: ForwardMode = .evaluation
  ) -> Value {
    trace(input, parameters: parameters, buffers: buffers, mode: mode).logits
  }

  /// What a forward pass computes on the way, for priors on it.
  package struct Trace {
    /// [N, classCount].
    package let logits: Value
    /// What the fully connected last layer reads, [N, F]; nil when there is none, or when it reads
    /// several rows of each example.
    package let features: Value?
    /// What a random layer computes before its noise, and what it adds to the loss; nil without one.
    package let bottleneck: ForwardContext.Bottleneck?
    /// In the order of computation.
    package let batchNorms: [ForwardContext.BatchNormLayer]
  }

  /// ``forward(_:parameters:buffers:mode:)`` with the values on the way.
  package func trace(
    _ input: Value, parameters: [Value], buffers: [Value], mode: ForwardMode
  ) -> Trace {
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
    let logits = body(
      ForwardScope(context: context, path: ""), normalization?.normalized(input) ?? input)
    let features = classifier.flatMap { $0.input(behind: logits, weight: parameters[$0.weight]) }
    return Trace(
      logits: logits,
      features: features.flatMap { $0.rowPerImage(input.shape[0]) },
      bottleneck: context.bottleneck, batchNorms: context.batchNormLayers)
  }
}
