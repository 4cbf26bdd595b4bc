import CPUBackend
import TensorGraph
import Testing

/// The installed library and the plain loops, on matrices whose answers are known by construction.
@Suite struct LinearAlgebraTests {
  static let implementations: [any LinearAlgebra] = [
    ReferenceLinearAlgebra(), CPUBackend().linearAlgebra,
  ]

  /// A symmetric matrix BᵀB + I with entries below the diagonal that must not be read.
  private func positiveDefinite(_ order: Int) -> (matrix: [Double], stored: [Double]) {
    let b = (0..<order * order).map { Double(($0 * 7919 + 13) % 101) / 101 - 0.5 }
    var matrix = [Double](repeating: 0, count: order * order)
    for row in 0..<order {
      for column in 0..<order {
        for k in 0..<order {
          matrix[row * order + column] += b[k * order + row] * b[k * order + column]
        }
        if row == column { matrix[row * order + column] += 1 }
      }
    }
    let stored = matrix.enumerated().map { $0 / order > $0 % order ? 1e9 : $1 }
    return (matrix, stored)
  }

  @Test(arguments: 0..<2, [DType.f32, .f64]) func solvesByCholesky(
    _ implementation: Int, _ dtype: DType
  ) {
    let algebra = LinearAlgebraTests.implementations[implementation]
    for order in [1, 2, 5, 33] {
      let (matrix, stored) = positiveDefinite(order)
      let solution = (0..<order).map { Double($0) - 1.5 }
      let rightHandSide = (0..<order).map { row in
        (0..<order).reduce(0) { $0 + matrix[row * order + $1] * solution[$1] }
      }
      let factor = HostBuffer(Tensor([order, order], dtype, stored))
      #expect(algebra.factorCholesky(factor))
      let vector = HostBuffer(Tensor([order], dtype, rightHandSide))
      algebra.solveCholesky(factor, vector)
      for (found, expected) in zip(vector.read().doubles, solution) {
        #expect(abs(found - expected) < (dtype == .f64 ? 1e-11 : 1e-3))
      }
      // What lies below the diagonal is the caller's.
      let after = factor.read().doubles
      #expect(after.indices.allSatisfy { $0 / order <= $0 % order || after[$0] == 1e9 })
    }
  }

  @Test(arguments: 0..<2) func refusesAnIndefiniteMatrix(_ implementation: Int) {
    let algebra = LinearAlgebraTests.implementations[implementation]
    #expect(!algebra.factorCholesky(HostBuffer(Tensor([2, 2], .f64([1, 2, 0, 1])))))
    #expect(!algebra.factorCholesky(HostBuffer(Tensor([1, 1], .f32([.nan])))))
  }

  @Test(arguments: 0..<2) func findsEigenvaluesAndVectors(_ implementation: Int) throws {
    let algebra = LinearAlgebraTests.implementations[implementation]
    let order = 21
    let (matrix, stored) = positiveDefinite(order)
    let values = try #require(
      algebra.symmetricEigenvalues(
        HostBuffer(Tensor([order, order], .f64(stored))), vectors: false))
    let buffer = HostBuffer(Tensor([order, order], .f64(stored)))
    let again = try #require(algebra.symmetricEigenvalues(buffer, vectors: true))
    let vectors = buffer.read().doubles
    #expect(values == values.sorted())
    let trace = (0..<order).reduce(0) { $0 + matrix[$1 * order + $1] }
    #expect(abs(values.reduce(0, +) - trace) < 1e-11 * trace)
    for index in 0..<order {
      #expect(abs(values[index] - again[index]) < 1e-11)
      for row in 0..<order {
        let image = (0..<order).reduce(0) {
          $0 + matrix[row * order + $1] * vectors[index * order + $1]
        }
        #expect(abs(image - values[index] * vectors[index * order + row]) < 1e-11)
      }
    }
    #expect(
      algebra.symmetricEigenvalues(
        HostBuffer(Tensor([1, 1], .f64([.nan]))), vectors: false) == nil)
  }
}
