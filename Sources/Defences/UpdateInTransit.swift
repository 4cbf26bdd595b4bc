import TensorGraph

/// An update on its way through a client's defences: the numbers that will be sent, and what anybody
/// who knows the defences can tell about their errors.
public struct UpdateInTransit: Sendable {
  /// One tensor.
  public struct Part: Sendable {
    /// Of the parameter.
    public let type: TensorType
    /// Flat indices of ``values``, ascending; nil when all are sent.
    public internal(set) var positions: [Int]?
    /// What is sent.
    public var values: [Double]
    /// Mean squared error of ``values`` against the true gradient, as far as the defences tell.
    public var noiseVariance = 0.0
    /// Whether the tensor is not sent at all, by agreement.
    public internal(set) var isWithheld = false

    /// Numbers that are sent.
    public var sentCount: Int { values.count }

    /// Keeps only the values at `kept`, ascending indices into ``values``.
    mutating func keep(_ kept: [Int]) {
      guard kept.count < values.count else { return }
      positions = kept.map { positions?[$0] ?? $0 }
      values = kept.map { values[$0] }
    }

    /// All elements, 0 where none was sent.
    public var tensor: Tensor {
      guard let positions else { return Tensor(type.shape, type.dtype, values) }
      var elements = [Double](repeating: 0, count: type.shape.elementCount)
      for (position, value) in zip(positions, values) { elements[position] = value }
      return Tensor(type.shape, type.dtype, elements)
    }
  }

  /// In the order of the parameters.
  public private(set) var parts: [Part]
  /// How it is written for sending.
  public var wire = WireFormat()
  /// Whether a defence changed the update's size in a way that the receiver cannot undo.
  public var scale = MatchingView.Scale.kept

  init(_ tensors: [Tensor]) {
    parts = tensors.map { Part(type: $0.type, positions: nil, values: $0.doubles) }
  }

  /// Calls `body` with each part in turn.
  public mutating func changeParts(_ body: (inout Part) -> Void) {
    for index in parts.indices { body(&parts[index]) }
  }

  /// Replaces the values of part `index`, which may be fewer or more than before.
  public mutating func setPart(_ index: Int, positions: [Int]?, values: [Double]) {
    parts[index].positions = positions
    parts[index].values = values
  }

  /// Sends nothing of a tensor.
  public mutating func withhold(_ index: Int) {
    parts[index].isWithheld = true
    parts[index].positions = []
    parts[index].values = []
  }

  /// Keeps only what `kept` holds: for each part ascending indices into its values.
  public mutating func keep(_ kept: [[Int]]) {
    for index in parts.indices { parts[index].keep(kept[index]) }
  }

  /// Multiplies every value, and with it its error.
  public mutating func multiply(by factor: Double) {
    changeParts { part in
      for index in part.values.indices { part.values[index] *= factor }
      part.noiseVariance *= factor * factor
    }
  }

  /// The Euclidean norm of all that is sent.
  public var norm: Double {
    parts.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1 * $1 } }.squareRoot()
  }

  /// Bytes of the message that carries the update.
  var wireByteCount: Int {
    wire.byteCount(parts.map { (sent: $0.sentCount, all: $0.type.shape.elementCount) })
  }
}
