import TensorGraph

/// What is chosen about a model besides its architecture.
public struct ModelConfiguration: Hashable, Sendable {
  /// Shape [C, H, W] of one image.
  public var inputShape: Shape
  /// Logits of the last layer.
  public var classCount: Int
  /// Between layers.
  public var activation: Activation
  /// Channels or features of the first layer; the others are multiples of it.
  public var width: Int
  /// Number of repeated layers, or nil where the architecture fixes it.
  public var depth: Int?
  /// Nil where the architecture has no pooling to choose.
  public var pooling: Pooling?
  /// Blocks of the flattened input, ascending and apart, of each of which one is 1 and which a table's model embeds.
  public var embedded: [Range<Int>] = []
}

/// Differences from an architecture's defaults; nil keeps the default.
public struct ModelOptions: Hashable, Sendable {
  /// Shape [C, H, W] of one image.
  public var inputShape: Shape?
  /// Logits of the last layer.
  public var classCount: Int?
  /// Between layers.
  public var activation: Activation?
  /// Channels or features of the first layer.
  public var width: Int?
  /// Number of repeated layers.
  public var depth: Int?
  /// How images shrink.
  public var pooling: Pooling?
  /// Blocks of the flattened input that are embedded, ascending and apart.
  public var embedded: [Range<Int>] = []

  /// Differences that are none but for those given.
  public init(
    inputShape: Shape? = nil, classCount: Int? = nil, activation: Activation? = nil,
    width: Int? = nil, depth: Int? = nil, pooling: Pooling? = nil
  ) {
    self.inputShape = inputShape
    self.classCount = classCount
    self.activation = activation
    self.width = width
    self.depth = depth
    self.pooling = pooling
  }
}

extension ModelConfiguration {
  /// These defaults with `options` applied.
  ///
  /// - Throws: ``ModelError`` when a value is out of range or the architecture has no such choice.
  func applying(_ options: ModelOptions, to name: String) throws(ModelError) -> ModelConfiguration {
    var result = self
    if let inputShape = options.inputShape { result.inputShape = inputShape }
    if let classCount = options.classCount { result.classCount = classCount }
    if let activation = options.activation { result.activation = activation }
    if let width = options.width { result.width = width }
    if let newDepth = options.depth {
      guard depth != nil else {
        throw ModelError("\(name) has a fixed depth; leave the depth out")
      }
      result.depth = newDepth
    }
    if let newPooling = options.pooling {
      guard pooling != nil else {
        throw ModelError("\(name) has no pooling to choose; leave the pooling out")
      }
      result.pooling = newPooling
    }
    result.embedded = options.embedded
    try result.check(name)
    return result
  }

  private func check(_ name: String) throws(ModelError) {
    let extents = inputShape.dimensions
    guard extents.count == 3, extents.allSatisfy({ (1...8192).contains($0) }) else {
      throw ModelError(
        "\(name): images of \(inputShape) are not [channels, height, width] of 1 to 8192 each")
    }
    try check(name, "number of classes", classCount, 1...1_000_000)
    try check(name, "width", width, 1...16384)
    if let depth { try check(name, "depth", depth, 1...1000) }
  }

  private func check(
    _ name: String, _ what: String, _ value: Int, _ range: ClosedRange<Int>
  ) throws(ModelError) {
    guard range.contains(value) else {
      throw ModelError(
        "\(name): a \(what) of \(value) is out of range; use \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
  }
}
