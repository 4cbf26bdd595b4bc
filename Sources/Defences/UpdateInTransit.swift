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
    /// How far from each of ``values`` the true number may be without any error being made, as far as a defence
    /// says no more; nil where each says the number itself. See ``Slack``.
    public var slack: [Slack]?
    /// Whether the tensor is not sent at all, by agreement.
    public internal(set) var isWithheld = false

    /// Numbers that are sent.
    public var sentCount: Int { values.count }

    /// Keeps only the values at `kept`, ascending indices into ``values``.
    mutating func keep(_ kept: [Int]) {
      guard kept.count < values.count else { return }
      positions = kept.map { positions?[$0] ?? $0 }
      values = kept.map { values[$0] }
      slack = slack.map { slack in kept.map { slack[$0] } }
    }

    /// ``slack`` of all elements, f64; nil where there is none.
    var slackTensors: (below: Tensor, above: Tensor)? {
      guard let slack, slack.contains(where: { $0 != .none }) else { return nil }
      return (spread(slack.map(\.below), .f64), spread(slack.map(\.above), .f64))
    }

    /// All elements, 0 where none was sent.
    public var tensor: Tensor { spread(values, type.dtype) }

    /// One number for each value that is sent, and 0 for the others.
    private func spread(_ numbers: [Double], _ dtype: DType) -> Tensor {
      guard let positions else { return Tensor(type.shape, dtype, numbers) }
      var elements = [Double](repeating: 0, count: type.shape.elementCount)
      for (position, number) in zip(positions, numbers) { elements[position] = number }
      return Tensor(type.shape, dtype, elements)
    }
  }

  /// How far below and above what was sent the true number may be: what is known of it is an interval, not a
  /// value. Additive errors of later defences come on top.
  public struct Slack: Hashable, Sendable {
    /// At most 0; -infinity where any lesser number would have been sent as the same.
    public var below: Double
    /// At least 0.
    public var above: Double

    /// An interval around what was sent.
    public init(below: Double = 0, above: Double = 0) {
      precondition(below <= 0 && above >= 0, "no slack from \(below) to \(above)")
      (self.below, self.above) = (below, above)
    }

    /// The number itself is known.
    public static let none = Slack()
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
    parts[index].slack = nil
  }

  /// Puts other numbers in the places of some of part `index`'s.
  ///
  /// - Parameter places: indices into its values.
  mutating func replace(_ values: [Double], at places: [Int], ofPart index: Int) {
    for (place, value) in zip(places, values) { parts[index].values[place] = value }
  }

  /// Sends nothing of a tensor.
  public mutating func withhold(_ index: Int) {
    parts[index].isWithheld = true
    parts[index].positions = []
    parts[index].values = []
    parts[index].slack = nil
  }

  /// Keeps only what `kept` holds: for each part ascending indices into its values.
  public mutating func keep(_ kept: [[Int]]) {
    for index in parts.indices { parts[index].keep(kept[index]) }
  }

  /// Multiplies every value by a number that is not negative, and with it its error and slack.
  public mutating func multiply(by factor: Double) {
    precondition(factor >= 0, "an update times \(factor)")
    changeParts { part in
      for index in part.values.indices { part.values[index] *= factor }
      part.noiseVariance *= factor * factor
      part.slack =
        factor > 0
        ? part.slack?.map { Slack(below: $0.below * factor, above: $0.above * factor) } : nil
    }
  }

  /// Hands `body` the update as the difference of weights that frameworks share and whose size their filters are set
  /// for: the learning rate times what it is here. Where only a gradient is known, that is itself.
  mutating func asWeightDifference(
    in round: inout ClientRound,
    _ body: (inout UpdateInTransit, inout ClientRound) -> Void
  ) {
    let rate = round.training?.learningRate ?? 1
    if rate != 1 { multiply(by: rate) }
    body(&self, &round)
    if rate != 1 { multiply(by: 1 / rate) }
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
