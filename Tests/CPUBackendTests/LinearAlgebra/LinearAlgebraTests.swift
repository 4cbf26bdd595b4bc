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

  @Test(arguments: 0..<2, [(3, 3), (2, 7), (9, 4), (1, 5), (12, 1)])
  func decomposesBySingularValues(_ implementation: Int, _ extents: (Int, Int)) throws {
    let algebra = LinearAlgebraTests.implementations[implementation]
    let (m, n) = extents
    let k = min(m, n)
    // The last row repeats the first, so that tall matrices are rank-deficient too.
    let matrix = (0..<m * n).map { index in
      let row = index / n == m - 1 ? 0 : index / n
      return Double(((row * n + index % n) * 7919 + 13) % 101) / 101 - 0.5
    }
    let buffer = HostBuffer(Tensor([m, n], .f64(matrix)))
    let result = try #require(algebra.singularValueDecomposition(buffer))
    #expect(result.values == result.values.sorted(by: >) && result.values.count == k)
    for row in 0..<m {
      for column in 0..<n {
        let sum = (0..<k).reduce(0) {
          $0 + result.left[row * k + $1] * result.values[$1] * result.right[$1 * n + column]
        }
        #expect(abs(sum - matrix[row * n + column]) < 1e-13)
      }
    }
    for i in 0..<k where result.values[i] > 1e-9 {
      for j in 0..<k where result.values[j] > 1e-9 {
        let left = (0..<m).reduce(0) { $0 + result.left[$1 * k + i] * result.left[$1 * k + j] }
        let right = (0..<n).reduce(0) { $0 + result.right[i * n + $1] * result.right[j * n + $1] }
        #expect(abs(left - (i == j ? 1 : 0)) < 1e-12)
        #expect(abs(right - (i == j ? 1 : 0)) < 1e-12)
      }
    }
    #expect(
      algebra.singularValueDecomposition(
        HostBuffer(Tensor([1, 1], .f64([.nan])))) == nil)
  }
}
