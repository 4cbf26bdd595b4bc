import TensorGraph

/// A family of models that differ in their ``ModelConfiguration``.
public struct Architecture: Sendable {
  /// Name on the command line and in records.
  public let name: String
  /// One sentence for lists.
  public let summary: String
  /// What is taken where nothing is chosen.
  public let defaults: ModelConfiguration
  /// What the images must satisfy besides being images; the message says what is needed.
  private let requirement: @Sendable (ModelConfiguration) -> String?
  /// Whether it gives logits for each pixel of an image, not for the whole.
  package let labelsPixels: Bool
  private let forward: @Sendable (ModelConfiguration, ForwardScope, Value) -> Value

  /// - Parameters:
  ///   - requirement: what a configuration lacks, as the end of a sentence, or nil when it will do.
  ///   - labelsPixels: whether logits are for each pixel.
  ///   - forward: maps images [N, C, H, W] to logits [N, classCount], or [N, H, W, classCount] for each pixel.
  init(
    name: String, summary: String, defaults: ModelConfiguration,
    labelsPixels: Bool = false,
    requirement: @escaping @Sendable (ModelConfiguration) -> String? = { _ in nil },
    forward: @escaping @Sendable (ModelConfiguration, ForwardScope, Value) -> Value
  ) {
    self.name = name
    self.summary = summary
    self.defaults = defaults
    self.requirement = requirement
    self.labelsPixels = labelsPixels
    self.forward = forward
  }

  /// The largest model that is made: 2^31 parameters, 8 GiB in f32.
  package static let largestParameterCount = 1 << 31

  /// What a model with these options needs and has not, as the end of a sentence; nil when it will do.
  ///
  /// - Throws: ``ModelError`` when an option is out of range, or does not apply to the architecture.
  package func lack(_ options: ModelOptions) throws(ModelError) -> String? {
    requirement(try defaults.applying(options, to: name))
  }

  /// A model of this architecture.
  ///
  /// - Throws: ``ModelError`` when an option is out of range, does not apply to the architecture, or
  ///   gives a model too large to run.
  public func model(_ options: ModelOptions = ModelOptions()) throws(ModelError) -> Model {
    let configuration = try defaults.applying(options, to: name)
    if let lack = requirement(configuration) { throw ModelError("\(name) needs \(lack)") }
    let forward = forward
    let shape = configuration.inputShape
    let model = Model(
      name: name, inputShape: shape, classCount: configuration.classCount,
      labelPositions: labelsPixels ? [shape[1], shape[2]] : []
    ) { scope, input in
      forward(configuration, scope, input)
    }
    guard model.parameterCount <= Architecture.largestParameterCount else {
      throw ModelError(
        "\(name) would have \(model.parameterCount) parameters; use a smaller width, image or "
          + "number of classes")
    }
    return model
  }
}
