import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What an optimiser computes with, so that its rule is written once: values of a graph, through which
/// attacks differentiate, or numbers as they are.
///
/// A single number, ``sumOfSquares()``, goes with tensors of any shape.
package protocol OptimizerNumbers {
  static func + (left: Self, right: Self) -> Self
  static func - (left: Self, right: Self) -> Self
  static func * (left: Self, right: Self) -> Self
  static func / (left: Self, right: Self) -> Self
  static func + (left: Self, right: Double) -> Self
  static func * (left: Self, right: Double) -> Self
  static func / (left: Self, right: Double) -> Self
  /// A number divided by each element.
  static func / (left: Double, right: Self) -> Self
  func absolute() -> Self
  func maximum(_ other: Self) -> Self
  func maximum(_ other: Double) -> Self
  func minimum(_ other: Double) -> Self
  func sqrt() -> Self
  /// A single number: the sum over all elements.
  func sumOfSquares() -> Self
  var elementCount: Int { get }
  /// The size, relative to a scale that is added to it, below which a root may be taken for constant: what is
  /// lost is below rounding. See ``root(beside:)``.
  var negligible: Double { get }
}

extension OptimizerNumbers {
  /// √x where a positive number is added to it, as in √v + ε, differentiable at 0 too.
  ///
  /// An average v of squared gradients is 0 only where all of these are, and so is then the average m of
  /// gradients that is divided by √v + ε: the derivative of the quotient there is that of m / ε, whatever that
  /// of √v. The formula 0 · 1 / (2 √0) is no number, so the root is held at `negligible` ε below that, where
  /// its derivative is 0. The quotient changes by less than `negligible`² thereby.
  package func root(beside epsilon: Double) -> Self {
    let floor = negligible * epsilon
    return maximum(floor * floor).sqrt()
  }
}

extension Value: OptimizerNumbers {
  package func sumOfSquares() -> Value { squared().sum() }
  package var elementCount: Int { shape.elementCount }
  package var negligible: Double { dtype == .f64 ? 1e-12 : 1e-4 }
}

/// The elements of a tensor in f64, or a single number.
package struct PlainNumbers: OptimizerNumbers, Sendable {
  package var elements: [Double]

  package init(_ elements: [Double]) {
    self.elements = elements
  }

  private func combined(
    _ other: PlainNumbers, _ operation: (Double, Double) -> Double
  ) -> PlainNumbers {
    if other.elements.count == 1 {
      let number = other.elements[0]
      return PlainNumbers(elements.map { operation($0, number) })
    }
    if elements.count == 1 {
      let number = elements[0]
      return PlainNumbers(other.elements.map { operation(number, $0) })
    }
    precondition(
      elements.count == other.elements.count,
      "\(elements.count) and \(other.elements.count) numbers")
    var result = elements
    for index in result.indices { result[index] = operation(result[index], other.elements[index]) }
    return PlainNumbers(result)
  }

  private func map(_ operation: (Double) -> Double) -> PlainNumbers {
    PlainNumbers(elements.map(operation))
  }

  package static func + (left: Self, right: Self) -> Self { left.combined(right, +) }
  package static func - (left: Self, right: Self) -> Self { left.combined(right, -) }
  package static func * (left: Self, right: Self) -> Self { left.combined(right, *) }
  package static func / (left: Self, right: Self) -> Self { left.combined(right, /) }
  package static func + (left: Self, right: Double) -> Self { left.map { $0 + right } }
  package static func * (left: Self, right: Double) -> Self { left.map { $0 * right } }
  package static func / (left: Self, right: Double) -> Self { left.map { $0 / right } }
  package static func / (left: Double, right: Self) -> Self { right.map { left / $0 } }
  package func absolute() -> Self { map(abs) }
  package func maximum(_ other: Self) -> Self { combined(other, max) }
  package func maximum(_ other: Double) -> Self { map { max($0, other) } }
  package func minimum(_ other: Double) -> Self { map { min($0, other) } }
  package func sqrt() -> Self { map { $0.squareRoot() } }
  package func sumOfSquares() -> Self { PlainNumbers([elements.reduce(0) { $0 + $1 * $1 }]) }
  package var elementCount: Int { elements.count }
  package var negligible: Double { 1e-12 }
}

/// What an optimiser adds to the root of squares that it divides by: ε, and for attacks a share of the gradient's own
/// root mean square, which makes a smooth function of what is else next to a sign.
package struct DivisorFloor<Numbers: OptimizerNumbers> {
  let epsilon: Double
  /// A single number; nil for none.
  var width: Numbers?

  func added(to divisor: Numbers, _ gradient: Numbers) -> Numbers {
    guard let width else { return divisor + epsilon }
    let size = (gradient.sumOfSquares() * (1 / Double(max(gradient.elementCount, 1))))
      .root(beside: epsilon)
    return divisor + (size * width + epsilon)
  }
}
