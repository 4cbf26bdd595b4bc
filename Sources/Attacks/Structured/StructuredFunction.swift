import Solvers
import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A plan's objective as a function of the free numbers behind examples of a known structure, at a temperature that falls.
final class StructuredFunction: ObjectiveFunction {
  private let function: PlanFunction
  private let inputs: StructuredInputs
  /// Of choices' softmax.
  private(set) var temperature = 1.0
  private let cooling: Double
  /// The examples of the latest evaluation.
  private(set) var values: [Double] = []

  /// Where the temperature ends: choices are nearly made then.
  private static let finalTemperature = 0.1

  /// - Parameter iterations: evaluations after which it is as low as it gets.
  init(_ function: PlanFunction, _ inputs: StructuredInputs, iterations: Int) {
    (self.function, self.inputs) = (function, inputs)
    cooling = pow(Self.finalTemperature, 1 / Double(max(iterations, 1)))
  }

  var dimension: Int { inputs.dimension }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) -> Double {
    values = inputs.values(of: point, temperature: temperature)
    let total = try values.withUnsafeBufferPointer { values throws(GraphError) in
      try function.evaluate(at: values, gradient: gradient)
    }
    inputs.pullBack(gradient, at: values, temperature: temperature)
    temperature = max(temperature * cooling, Self.finalTemperature)
    return total
  }
}
