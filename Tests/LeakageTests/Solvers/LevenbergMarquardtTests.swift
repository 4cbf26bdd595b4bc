import CPUBackend
import TensorGraph
import Testing

@testable import Solvers

/// Residuals of the chained Rosenbrock function: 10 (x[i+1] - x[i]²) and 1 - x[i]. Counts matrices.
private final class ChainedRosenbrock: LeastSquaresFunction {
  let dimension = 8
  var assemblies = 0

  /// Rows of the Jacobian as (column, value) pairs, with their residuals.
  private struct Row {
    let residual: Double
    let entries: [(Int, Double)]
  }

  private func rows(_ x: Vector) -> [Row] {
    var rows: [Row] = []
    for i in 0..<dimension - 1 {
      let slope: Double = -20 * x[i]
      rows.append(Row(residual: 10 * (x[i + 1] - x[i] * x[i]), entries: [(i, slope), (i + 1, 10)]))
      rows.append(Row(residual: 1 - x[i], entries: [(i, -1)]))
    }
    return rows
  }

  func evaluate(at point: Vector, gradient: MutableVector) -> Double {
    gradient.update(repeating: 0)
    var value = 0.0
    for row in rows(point) {
      value += row.residual * row.residual
      for (column, entry) in row.entries { gradient[column] += 2 * entry * row.residual }
    }
    return value
  }

  func multiplyNormalMatrix(at point: Vector, by direction: Vector, into result: MutableVector) {
    result.update(repeating: 0)
    for row in rows(point) {
      let image = row.entries.reduce(0) { $0 + $1.1 * direction[$1.0] }
      for (column, entry) in row.entries { result[column] += entry * image }
    }
  }

  func assembleNormalMatrix(
    at point: Vector, into matrix: HostBuffer, shouldStop: () -> Bool
  ) -> Bool {
    if shouldStop() { return false }
    assemblies += 1
    var elements = [Double](repeating: 0, count: dimension * dimension)
    for row in rows(point) {
      for (i, left) in row.entries {
        for (j, right) in row.entries { elements[i * dimension + j] += left * right }
      }
    }
    matrix.write(Tensor([dimension, dimension], matrix.type.dtype, elements))
    return true
  }
}

@Suite struct LevenbergMarquardtTests {
  private let start = [-1.2, 1, -0.5, 0.3, 2, -1, 0.7, 1.5]

  @Test(arguments: [0, 1 << 20]) func findsTheMinimum(memoryLimit: Int) throws {
    let function = ChainedRosenbrock()
    let solver = LevenbergMarquardt(
      algebra: ReferenceLinearAlgebra(), memoryLimit: memoryLimit)
    var values: [Double] = []
    let result = try solver.minimize(
      function, from: start, until: StoppingRule(iterations: 200, solvedBelow: 1e-24)
    ) { progress, _ in
      values.append(progress.value)
      return .proceed
    }
    #expect(result.reason == .solved)
    #expect(result.point.allSatisfy { abs($0 - 1) < 1e-9 })
    // Accepted steps only ever lower the objective.
    #expect(zip(values, values.dropFirst()).allSatisfy { $0 >= $1 })
  }

  @Test func stopsWhenAsked() throws {
    let result = try LevenbergMarquardt(algebra: ReferenceLinearAlgebra()).minimize(
      ChainedRosenbrock(), from: start, until: StoppingRule(iterations: 200)
    ) { progress, _ in progress.iteration == 2 ? .stop(.interrupted) : .proceed }
    #expect(result.reason == .interrupted)
    #expect(result.iterations == 2)
  }

  /// With a matrix the solver's solution of one system agrees with a direct one; the matrix of one
  /// point serves several dampings.
  @Test func solvesTheNormalEquations() throws {
    let function = ChainedRosenbrock()
    let matrix = HostBuffer(TensorType([8, 8], .f64))
    try start.withUnsafeBufferPointer { point in
      #expect(function.assembleNormalMatrix(at: point, into: matrix) { false })
      let plain = matrix.read().doubles
      let equations = NormalEquations(
        function, algebra: CPUBackend().linearAlgebra, memoryLimit: 1 << 20)
      let rightHandSide = (0..<8).map { Double($0) - 3 }
      for damping in [1.0, 1e-3, 10] {
        let solution = try #require(
          try equations.solve(rightHandSide, at: point, pointID: 0, damping: damping) { false })
        for row in 0..<8 {
          let image = (0..<8).reduce(damping * solution[row]) {
            $0 + plain[row * 8 + $1] * solution[$1]
          }
          #expect(abs(image - rightHandSide[row]) < 0.03)
        }
      }
    }
  }

  /// Conjugate gradients on diag(1, 2, 5) give that matrix's eigenvalues through their coefficients.
  @Test func lanczosMatrixHasTheExtremeEigenvalues() throws {
    let diagonal = [1.0, 2, 5]
    var (residual, direction) = ([1.0, 1, 1], [1.0, 1, 1])
    var matrix = LanczosMatrix()
    for _ in 0..<3 {
      let squared = residual.reduce(0) { $0 + $1 * $1 }
      let image = zip(diagonal, direction).map { $0 * $1 }
      let step = squared / zip(direction, image).reduce(0) { $0 + $1.0 * $1.1 }
      residual = zip(residual, image).map { $0 - step * $1 }
      let ratio = residual.reduce(0) { $0 + $1 * $1 } / squared
      direction = zip(residual, direction).map { $0 + ratio * $1 }
      matrix.append(step: step, ratio: ratio)
    }
    let extremes = try #require(matrix.extremes(minus: 0.5))
    #expect(abs(extremes.smallest - 0.5) < 1e-12)
    #expect(abs(extremes.largest - 4.5) < 1e-12)
  }
}
