import Testing

@testable import Attacks
@testable import Solvers

/// A dense matrix, row by row.
private final class DenseOperator: LinearOperator {
  let rows: [[Double]]
  let columnCount: Int
  var rowCount: Int { rows.count }

  init(_ rows: [[Double]]) {
    self.rows = rows
    columnCount = rows[0].count
  }

  func apply(_ vector: Vector, into result: MutableVector) {
    for (index, row) in rows.enumerated() {
      result[index] = row.indices.reduce(0) { $0 + row[$1] * vector[$1] }
    }
  }

  func applyTransposed(_ vector: Vector, into result: MutableVector) {
    for column in 0..<columnCount {
      result[column] = rows.indices.reduce(0) { $0 + rows[$1][column] * vector[$1] }
    }
  }
}

/// The least-squares solution by the normal equations and Gaussian elimination with pivoting.
private func denseSolution(_ rows: [[Double]], _ target: [Double]) -> [Double] {
  let count = rows[0].count
  var system = (0..<count).map { i in
    (0..<count).map { j in rows.reduce(0) { $0 + $1[i] * $1[j] } }
      + [zip(rows, target).reduce(0) { $0 + $1.0[i] * $1.1 }]
  }
  for pivot in 0..<count {
    let best = (pivot..<count).max { abs(system[$0][pivot]) < abs(system[$1][pivot]) } ?? pivot
    system.swapAt(pivot, best)
    for row in 0..<count where row != pivot {
      let factor = system[row][pivot] / system[pivot][pivot]
      for column in pivot...count { system[row][column] -= factor * system[pivot][column] }
    }
  }
  return (0..<count).map { system[$0][count] / system[$0][$0] }
}

@Suite struct LSQRTests {
  private func matrix(_ rows: Int, _ columns: Int, stream: Int) -> [[Double]] {
    let values = noise([rows, columns], stream).doubles
    return (0..<rows).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
  }

  @Test(arguments: [(5, 5), (12, 7), (40, 11), (3, 1)])
  func agreesWithTheDenseSolution(_ rows: Int, _ columns: Int) throws {
    let matrix = matrix(rows, columns, stream: 7)
    let target = noise([rows], 8).doubles
    let solution = try LSQR().solve(DenseOperator(matrix), target)
    let expected = denseSolution(matrix, target)
    for (actual, expected) in zip(solution.x, expected) { #expect(abs(actual - expected) < 1e-9) }
    let residual = zip(matrix, target).map { row, value in
      zip(row, expected).reduce(-value) { $0 + $1.0 * $1.1 }
    }
    let norm = { (vector: [Double]) in vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    #expect(abs(solution.relativeResidual - norm(residual) / norm(target)) < 1e-9)
  }

  /// Of the many solutions of too few equations the shortest: it lies in the rows' span.
  @Test func fewEquationsGiveTheShortestSolution() throws {
    let solution = try LSQR().solve(DenseOperator([[1, 1, 0], [0, 0, 2]]), [2, 6])
    for (actual, expected) in zip(solution.x, [1.0, 1, 3]) {
      #expect(abs(actual - expected) < 1e-12)
    }
  }

  @Test func estimatesTheConditionOfADiagonal() throws {
    let diagonal = [1.0, 2, 5, 10]
    let rows = diagonal.indices.map { row in
      diagonal.indices.map { $0 == row ? diagonal[row] : 0 }
    }
    let solution = try LSQR().solve(DenseOperator(rows), [1, 1, 1, 1])
    // The product of Frobenius norms is 13; the steps in which rounding is all that is left add some.
    #expect(solution.condition >= 12.9 && solution.condition < 26)
    #expect(solution.relativeResidual < 1e-12)
  }

  @Test func aTargetOfZerosNeedsNoStep() throws {
    let solution = try LSQR().solve(DenseOperator([[1, 2], [3, 4]]), [0, 0])
    #expect(solution.x == [0, 0] && solution.steps == 0)
  }

  @Test func stopsAtTheStepLimit() throws {
    let matrix = matrix(40, 30, stream: 3)
    let solution = try LSQR(steps: 4).solve(DenseOperator(matrix), noise([40], 4).doubles)
    #expect(solution.steps == 4 && solution.x.allSatisfy { $0.isFinite })
  }

  @Test func smoothCompletionIsItsOwnTransposesTranspose() throws {
    let system = DenseOperator(matrix(5, 2 * 3 * 4, stream: 3))
    let completion = SmoothCompletion(system, imageShape: [1, 2, 3, 4], weight: 0.5)
    // Two channels of 3 x 3 horizontal and 2 x 4 vertical neighbours.
    #expect(completion.rowCount == 5 + 2 * (9 + 8))
    var source = RandomSource(seed: 1)
    let x = (0..<completion.columnCount).map { _ in source.normal() }
    let y = (0..<completion.rowCount).map { _ in source.normal() }
    var ax = [Double](repeating: 0, count: y.count)
    var aty = [Double](repeating: 0, count: x.count)
    try x.withUnsafeBufferPointer { x in
      try ax.withUnsafeMutableBufferPointer { try completion.apply(x, into: $0) }
    }
    try y.withUnsafeBufferPointer { y in
      try aty.withUnsafeMutableBufferPointer { try completion.applyTransposed(y, into: $0) }
    }
    let left = zip(ax, y).reduce(0) { $0 + $1.0 * $1.1 }
    let right = zip(x, aty).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(left - right) < 1e-12 * max(abs(left), 1))
  }

  @Test func anOpenImageIsCompletedSmoothly() throws {
    // One pixel of nine is known: the smoothest image with it is flat.
    let system = DenseOperator([[0, 0, 0, 0, 1, 0, 0, 0, 0]])
    let completion = SmoothCompletion(system, imageShape: [1, 1, 3, 3], weight: 1e-3)
    let solution = try LSQR().solve(completion, completion.target([0.7]))
    #expect(solution.x.allSatisfy { abs($0 - 0.7) < 1e-9 })
  }
}
