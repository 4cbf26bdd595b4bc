/// What is known of the numbers that a model reads of an example, beside the model: which of them are a choice, and between
/// which bounds others lie. Whoever serves a model of a table knows it from the table's schema.
public struct InputStructure: Hashable, Sendable {
  /// Inputs that belong together.
  public enum Part: Hashable, Sendable {
    /// One of these inputs is 1, the others are 0.
    case choice(Range<Int>)
    /// A number within bounds, of those that a column's cells can be, where these are apart.
    case number(Int, ClosedRange<Double>, grid: Grid?)
  }

  /// Numbers at equal distances.
  public struct Grid: Hashable, Sendable {
    /// One of them.
    public let origin: Double
    /// From one to the next, above 0.
    public let step: Double

    /// Traps when the step is not above 0.
    public init(origin: Double, step: Double) {
      precondition(step > 0, "a grid with a step of \(step)")
      (self.origin, self.step) = (origin, step)
    }

    /// The nearest of them.
    public func nearest(to number: Double) -> Double {
      origin + ((number - origin) / step).rounded() * step
    }
  }

  /// Each input once, in order.
  public let parts: [Part]

  /// Traps when parts do not make up all inputs from 0 on.
  public init(_ parts: [Part]) {
    var next = 0
    for part in parts {
      switch part {
      case .choice(let inputs):
        precondition(inputs.lowerBound == next && !inputs.isEmpty, "inputs \(inputs) at \(next)")
        next = inputs.upperBound
      case .number(let input, _, _):
        precondition(input == next, "input \(input) at \(next)")
        next += 1
      }
    }
    self.parts = parts
  }

  /// How many inputs there are.
  public var inputCount: Int {
    switch parts.last {
    case .choice(let inputs): inputs.upperBound
    case .number(let input, _, _): input + 1
    case nil: 0
    }
  }
}
