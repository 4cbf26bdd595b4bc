import Solvers
import TensorGraph

extension Model {
  /// Parameters drawn from their initialisers, in the order of ``parameters``.
  ///
  /// Each parameter has a stream of its own, derived from its name, so that its values do not depend
  /// on the others'; `f32` values are the rounded `f64` ones.
  public func initialParameters(
    seed: UInt64, dtype: DType = .f32
  ) -> [(name: String, tensor: Tensor)] {
    draw(parameters, seed: seed, dtype)
  }

  /// Buffers before any training, in the order of ``buffers``: running means 0, variances 1.
  public func initialBuffers(dtype: DType = .f32) -> [(name: String, tensor: Tensor)] {
    draw(buffers, seed: 0, dtype)
  }

  private func draw(
    _ specs: [ParameterSpec], seed: UInt64, _ dtype: DType
  ) -> [(name: String, tensor: Tensor)] {
    let source = RandomSource(seed: seed)
    return specs.map { spec in
      var stream = source.derive(label: spec.name)
      return (spec.name, spec.initializer.tensor(spec.shape, dtype, from: &stream))
    }
  }
}

extension Initializer {
  /// A tensor drawn from this distribution, in row-major order.
  public func tensor(
    _ shape: Shape, _ dtype: DType, from source: inout RandomSource
  ) -> Tensor {
    switch self {
    case .constant(let value):
      return Tensor(shape, dtype, repeating: value)
    case .uniform(let bound):
      return source.uniformTensor(shape, dtype, in: -bound..<bound)
    case .normal(let deviation):
      return source.normalTensor(shape, dtype, standardDeviation: deviation)
    case .truncatedNormal(let deviation, let bound):
      // A narrower bound would make the search for a value inside long.
      precondition(bound >= deviation && deviation >= 0, "cannot draw from \(self)")
      return Tensor(
        shape, dtype,
        (0..<shape.elementCount).map { _ in
          var value = deviation * source.normal()
          while abs(value) > bound { value = deviation * source.normal() }
          return value
        })
    }
  }
}
