import Solvers
import TensorGraph

/// Finds the sparsest vectors of a column space: for a basis L [m, b], directions q such that L q has
/// many zeros.
///
/// With L q sparse, b - 1 rows drawn at random are all among its zeros with a small probability, and
/// then q is the null vector of those rows (Dimitrov et al. 2024, section 3). Here every draw is used
/// far better, as codes are searched for words of low weight (information-set decoding: Lee &
/// Brickell 1988, Stern 1989): b drawn rows are inverted, and the columns of the inverse are b null
/// vectors at once. Pairs of them, which miss two rows instead of one, give b (b - 1) / 2 more: a pair's
/// ratio that makes one further row vanish is compared over a few test rows, and where two of them agree
/// it is a find. For b = 20 that is some 5000 times fewer draws than one null vector each.
struct SparseColumnSearch {
  /// A direction with its number of zeros in L q.
  struct Candidate {
    /// Unit vector of b coordinates.
    let direction: [Double]
    let zeroCount: Int
  }

  private let rows: [Double]
  private let rowCount: Int
  private let width: Int
  /// What counts as 0, relative to a row's length.
  private let tolerance: Double
  private let algebra: any LinearAlgebra
  private var source: RandomSource
  /// The sparsest independent directions so far, sparsest first; at most b.
  private(set) var basis: [Candidate] = []
  /// Sparse directions that depend on sparser ones; a few of the sparsest.
  private(set) var rest: [Candidate] = []
  private(set) var drawCount = 0

  private static let testRowCount = 8

  /// - Parameters:
  ///   - basis: row major [rows, width]; rows of zeros are left out.
  ///   - tolerance: what counts as 0, relative to a row's length.
  init(
    basis: [Double], width: Int, tolerance: Double, algebra: any LinearAlgebra,
    source: RandomSource
  ) {
    let rows = (0..<basis.count / width).map { Array(basis[$0 * width..<($0 + 1) * width]) }
    func length(_ row: [Double]) -> Double { row.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let longest = rows.map(length).max() ?? 0
    // Rows of unit length: a sample's place in them does not depend on how much it weighs.
    let kept = rows.compactMap { row -> [Double]? in
      let norm = length(row)
      return norm > 1e-9 * longest ? row.map { $0 / norm } : nil
    }
    self.rows = kept.flatMap { $0 }
    rowCount = kept.count
    self.width = width
    self.tolerance = tolerance
    self.algebra = algebra
    self.source = source
  }

  /// Whether there are enough rows to tell a sparse column from a chance.
  var isFeasible: Bool { rowCount >= 2 * width + SparseColumnSearch.testRowCount }

  /// Zeros beyond those that any direction can be given.
  private var leastZeroCount: Int { width + 3 + rowCount / 50 }

  /// Draws `count` sets of rows.
  ///
  /// - Returns: whether ``basis`` changed.
  mutating func draw(_ count: Int) -> Bool {
    let storage = MutableVector.allocate(
      capacity: (width + SparseColumnSearch.testRowCount) * width)
    defer { storage.deallocate() }
    let inverse = MutableVector(rebasing: storage[0..<width * width])
    let tests = MutableVector(rebasing: storage[(width * width)...])
    var order = Array(0..<rowCount)
    var found: [[Double]] = []
    for _ in 0..<count {
      drawCount += 1
      let used = drawIndependentRows(&order, inverse)
      guard used + SparseColumnSearch.testRowCount <= rowCount, used > 0 else { continue }
      multiplyTestRows(&order, from: used, inverse, tests)
      collect(Vector(inverse), Vector(tests), into: &found)
    }
    var isChanged = false
    for direction in found where add(direction) { isChanged = true }
    return isChanged
  }

  // MARK: - One draw

  private func row(_ index: Int, of rows: Vector) -> Vector {
    Vector(rebasing: rows[index * width..<(index + 1) * width])
  }

  /// Inverts rows drawn at random, leaving out those that depend on the ones before. Row c of `inverse`
  /// is then a direction on which all drawn rows but one vanish, of unit length.
  ///
  /// - Returns: how many rows of `order` were looked at; 0 when there are not b independent ones.
  private mutating func drawIndependentRows(
    _ order: inout [Int], _ inverse: MutableVector
  ) -> Int {
    let b = width
    for index in 0..<b * b { inverse[index] = index % (b + 1) == 0 ? 1 : 0 }
    var isTaken = [Bool](repeating: false, count: b)
    var products = [Double](repeating: 0, count: b)
    var takenCount = 0
    var used = 0
    return rows.withUnsafeBufferPointer { rows in
      while takenCount < b {
        guard used < rowCount else { return 0 }
        order.swapAt(used, used + source.integer(below: rowCount - used))
        let drawn = row(order[used], of: rows)
        used += 1
        var pivot = -1
        for column in 0..<b {
          products[column] = dot(drawn, row(column, of: Vector(inverse)))
          guard !isTaken[column] else { continue }
          if pivot < 0 || abs(products[column]) > abs(products[pivot]) { pivot = column }
        }
        guard abs(products[pivot]) > 1e-5 else { continue }
        isTaken[pivot] = true
        takenCount += 1
        let pivotRow = MutableVector(rebasing: inverse[pivot * b..<(pivot + 1) * b])
        for index in 0..<b { pivotRow[index] /= products[pivot] }
        for column in 0..<b where column != pivot && products[column] != 0 {
          addScaled(
            -products[column], Vector(pivotRow),
            to: MutableVector(rebasing: inverse[column * b..<(column + 1) * b]))
        }
      }
      for column in 0..<b {
        let direction = MutableVector(rebasing: inverse[column * b..<(column + 1) * b])
        let norm = dot(Vector(direction), Vector(direction)).squareRoot()
        for index in 0..<b { direction[index] /= norm }
      }
      return used
    }
  }

  /// Further random rows times the directions, [tests, b].
  private mutating func multiplyTestRows(
    _ order: inout [Int], from used: Int, _ inverse: MutableVector, _ tests: MutableVector
  ) {
    for test in 0..<SparseColumnSearch.testRowCount {
      let place = used + test
      order.swapAt(place, place + source.integer(below: rowCount - place))
      rows.withUnsafeBufferPointer { rows in
        let drawn = row(order[place], of: rows)
        for column in 0..<width {
          tests[test * width + column] = dot(drawn, row(column, of: Vector(inverse)))
        }
      }
    }
  }

  /// Directions, and pairs of them, that vanish at two test rows: one alone would let too many chances
  /// through.
  private func collect(_ inverse: Vector, _ tests: Vector, into found: inout [[Double]]) {
    let (b, testCount) = (width, SparseColumnSearch.testRowCount)
    for i in 0..<b {
      var zeros = 0
      for test in 0..<testCount where abs(tests[test * b + i]) < tolerance { zeros += 1 }
      if zeros >= 2 { found.append(Array(row(i, of: inverse))) }
      for j in i + 1..<max(b, i + 1) {
        guard let (p, q) = agreement(tests, i, j) else { continue }
        let (left, right) = (row(i, of: inverse), row(j, of: inverse))
        found.append((0..<b).map { p * left[$0] + q * right[$0] })
      }
    }
  }

  /// Factors p, q for which p·i + q·j vanishes at two test rows.
  @inline(__always)
  private func agreement(_ t: Vector, _ i: Int, _ j: Int) -> (Double, Double)? {
    let (b, testCount) = (width, SparseColumnSearch.testRowCount)
    for first in 0..<testCount {
      let (fi, fj) = (t[first * b + i], t[first * b + j])
      for second in first + 1..<testCount {
        let (si, sj) = (t[second * b + i], t[second * b + j])
        let determinant = fi * sj - fj * si
        guard abs(determinant) < tolerance * (abs(fi * sj) + abs(fj * si)) else { continue }
        // Neither direction alone: those are found above.
        guard abs(fi) > tolerance, abs(fj) > tolerance, abs(si) > tolerance, abs(sj) > tolerance
        else { continue }
        return (fj, -fi)
      }
    }
    return nil
  }

  // MARK: - Candidates

  /// Counts a direction's zeros over all rows, and enters it where it belongs.
  private mutating func add(_ raw: [Double]) -> Bool {
    guard let direction = normalized(raw) else { return false }
    let zeros = zeroRows(direction)
    // Once the basis is full, what is far denser than all of it is of no use.
    let least =
      basis.count == width
      ? max(leastZeroCount, (basis.last?.zeroCount ?? 0) * 3 / 4) : leastZeroCount
    guard zeros.count >= least, !isKnown(direction) else { return false }
    return enter(Candidate(direction: direction, zeroCount: zeros.count))
  }

  /// The basis with every direction fitted to all the rows it vanishes on.
  func sharpened() -> [Candidate] {
    basis.map { candidate in
      let direction = nullVector(of: zeroRows(candidate.direction)) ?? candidate.direction
      return Candidate(direction: direction, zeroCount: candidate.zeroCount)
    }
  }

  /// Keeps the sparsest independent directions: what depends on sparser ones goes to the rest.
  private mutating func enter(_ candidate: Candidate) -> Bool {
    let place = basis.firstIndex { $0.zeroCount < candidate.zeroCount } ?? basis.count
    var sorted = basis
    sorted.insert(candidate, at: place)
    var orthonormal: [[Double]] = []
    var kept: [Candidate] = []
    for other in sorted {
      var remainder = other.direction
      for _ in 0..<2 {
        for axis in orthonormal {
          let product = zip(remainder, axis).reduce(0) { $0 + $1.0 * $1.1 }
          for index in 0..<width { remainder[index] -= product * axis[index] }
        }
      }
      if kept.count < width, let axis = normalized(remainder, above: 1e-6) {
        orthonormal.append(axis)
        kept.append(other)
      } else {
        rest.append(other)
      }
    }
    if rest.count > 4 * width {
      rest.sort { $0.zeroCount > $1.zeroCount }
      rest.removeLast(rest.count - 2 * width)
    }
    let isChanged = kept.map(\.direction) != basis.map(\.direction)
    basis = kept
    return isChanged
  }

  private func isKnown(_ direction: [Double]) -> Bool {
    (basis + rest).contains { other in
      let product = (0..<width).reduce(0) { $0 + other.direction[$1] * direction[$1] }
      return abs(product) > 1 - 1e-8
    }
  }

  private func normalized(_ vector: [Double], above least: Double = 0) -> [Double]? {
    let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard norm.isFinite, norm > least else { return nil }
    return vector.map { $0 / norm }
  }

  private func zeroRows(_ direction: [Double]) -> [Int] {
    rows.withUnsafeBufferPointer { rows in
      direction.withUnsafeBufferPointer { direction in
        (0..<rowCount).filter { abs(dot(row($0, of: rows), direction)) < tolerance }
      }
    }
  }

  /// The direction that all those rows come nearest to vanishing on.
  private func nullVector(of indices: [Int]) -> [Double]? {
    guard indices.count >= width else { return nil }
    let elements = indices.flatMap { rows[$0 * width..<($0 + 1) * width] }
    let matrix = HostBuffer(Tensor([indices.count, width], .f64(elements)))
    guard let decomposition = algebra.singularValueDecomposition(matrix) else { return nil }
    return Array(decomposition.right.suffix(width))
  }
}
