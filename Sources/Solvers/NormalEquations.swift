import TensorGraph

/// Solves (JᵀJ + λI) s = b at a moving point, to several digits, for as little work as possible.
///
/// Every system is solved by conjugate gradients on f64 products, never cut short. Strongly damped
/// systems need few products, and that is all. Once one would take about as long as filling the
/// matrix, the matrix is filled and factored, in f32 and, where f32 has too few digits, in f64; the
/// factor then preconditions this and the following systems, of other points and dampings, until that
/// takes too long in turn. Without the memory for a matrix there are the products alone.
package final class NormalEquations {
  /// Digits asked of a solution, in the norm of the preconditioner.
  static let tolerance = 1e-3

  private(set) var counts = SecondOrderCounts()
  private let function: any LeastSquaresFunction
  private let algebra: any LinearAlgebra
  private let memoryLimit: Int
  private let deadline: ContinuousClock.Instant?
  private let order: Int
  /// What the latest product took.
  private var productSeconds = 0.0
  private var factor: Factor?
  /// The precision of the next matrix: f32 until it fails.
  private var precision = DType.f32
  /// Whether a system was met that products alone do not solve in reasonable time.
  private var productsAreTooMany = false
  /// Extreme Ritz values of JᵀJ from the last system solved by products alone.
  private var ritzValues: (smallest: Double, largest: Double)?

  /// Products with a factor of another point or damping before it is renewed: with one, a step costs
  /// two triangular solves besides the product, which take far longer.
  private static let staleFactorLimit = 40
  private static let freshFactorLimit = 200

  /// A damped normal matrix and its factor. The factor stands in the upper triangle and the matrix
  /// below it, so that another damping needs no new matrix.
  private struct Factor {
    let matrix: HostBuffer
    let diagonal: [Double]
    let scratch: HostBuffer
    var pointID: Int
    var damping: Double
    var isFactored = false
  }

  /// - Parameters:
  ///   - memoryLimit: bytes that a matrix may take.
  ///   - deadline: a matrix that would not be filled and factored by then is not begun.
  package init(
    _ function: any LeastSquaresFunction, algebra: any LinearAlgebra, memoryLimit: Int,
    deadline: ContinuousClock.Instant? = nil
  ) {
    self.deadline = deadline
    self.function = function
    self.algebra = algebra
    self.memoryLimit = memoryLimit
    order = function.dimension
  }

  /// Whether a matrix of this precision fits.
  private func fits(_ dtype: DType) -> Bool { order * order <= memoryLimit / dtype.byteCount }

  /// Operations a second of a Cholesky factorisation, roughly.
  private static let factorSpeed = 1e10

  private var secondsLeft: Double {
    deadline.map { (ContinuousClock.now - $0).seconds * -1 } ?? .infinity
  }

  /// Whether there is memory for a matrix, and time to fill and factor it.
  private var affordsMatrix: Bool {
    let size = Double(order)
    let seconds = size * productSeconds + size * size * size / 3 / NormalEquations.factorSpeed
    return fits(.f32) && seconds <= secondsLeft
  }

  /// Products that a fifth of the time left allows.
  private var affordedProducts: Int {
    let count = secondsLeft / 5 / max(productSeconds, 1e-9)
    return count < 1e6 ? max(Int(count), 10) : 1_000_000
  }

  /// The solution, or nil when `shouldStop` asked to stop or nothing finite came out.
  ///
  /// - Parameter pointID: tells points apart, so that the matrix of the same point is reused.
  package func solve(
    _ rightHandSide: [Double], at point: Vector, pointID: Int, damping: Double,
    shouldStop: () -> Bool
  ) throws(GraphError) -> [Double]? {
    counts.steps += 1
    if factor?.isFactored == true {
      if let solution = try conjugateGradients(
        rightHandSide, at: point, damping: damping, limit: NormalEquations.staleFactorLimit,
        shouldStop: shouldStop)
      {
        return solution
      }
    } else if !productsAreTooMany {
      // Filling the matrix takes as many products as there are unknowns.
      if let solution = try conjugateGradients(
        rightHandSide, at: point, damping: damping,
        limit: min(max(order / 2, 50), affordedProducts),
        acceptsUnfinished: !affordsMatrix, shouldStop: shouldStop)
      {
        return solution
      }
      productsAreTooMany = true
    }
    guard fits(.f32) else { return nil }
    guard factor != nil || affordsMatrix else {
      return try conjugateGradients(
        rightHandSide, at: point, damping: damping, limit: min(order, affordedProducts),
        acceptsUnfinished: true, shouldStop: shouldStop)
    }
    while true {
      let isMatrixCurrent =
        factor?.pointID == pointID && factor?.matrix.type.dtype == precision
      if !isMatrixCurrent {
        guard try assemble(at: point, pointID: pointID, shouldStop: shouldStop) else { return nil }
      }
      let canRefine = precision == .f32 && fits(.f64)
      if refactor(damping: damping) {
        if let solution = try conjugateGradients(
          rightHandSide, at: point, damping: damping, limit: NormalEquations.freshFactorLimit,
          acceptsUnfinished: !canRefine, shouldStop: shouldStop)
        {
          return solution
        }
      }
      guard canRefine else { return nil }
      precision = .f64
      factor = nil
    }
  }

  private func assemble(
    at point: Vector, pointID: Int, shouldStop: () -> Bool
  ) throws(GraphError) -> Bool {
    let matrix =
      factor?.matrix.type.dtype == precision
      ? factor?.matrix : HostBuffer(TensorType([order, order], precision))
    factor = nil
    guard let matrix,
      try function.assembleNormalMatrix(at: point, into: matrix, shouldStop: shouldStop)
    else { return false }
    counts.assemblies += 1
    factor = Factor(
      matrix: matrix, diagonal: matrix.diagonal,
      scratch: HostBuffer(TensorType([order], precision)), pointID: pointID, damping: 0)
    return true
  }

  /// Factors the stored matrix with this damping, or in f32 with as much as f32 needs.
  private func refactor(damping: Double) -> Bool {
    guard var current = factor else { return false }
    let largest = current.diagonal.max() ?? 0
    let floor = largest * (precision == .f32 ? 1e-6 : 1e-14)
    var damping = max(damping, floor)
    for _ in 0..<3 {
      current.matrix.restoreUpperTriangle(diagonal: current.diagonal, adding: damping)
      counts.factorizations += 1
      if algebra.factorCholesky(current.matrix) {
        current.damping = damping
        current.isFactored = true
        factor = current
        return true
      }
      damping *= 10
    }
    current.isFactored = false
    factor = current
    return false
  }

  // MARK: - Conjugate gradients

  /// Preconditioned conjugate gradients (Golub & Van Loan, 11.5.2); nil when `limit` products did not
  /// do, unless an unfinished solution is accepted too.
  private func conjugateGradients(
    _ rightHandSide: [Double], at point: Vector, damping: Double, limit: Int,
    acceptsUnfinished: Bool = false, shouldStop: () -> Bool
  ) throws(GraphError) -> [Double]? {
    var x = [Double](repeating: 0, count: order)
    var residual = rightHandSide
    var image = x
    var preconditioned = x
    applyFactor(to: residual, into: &preconditioned)
    var direction = preconditioned
    var squared = dot(residual, preconditioned)
    let start = squared
    guard start.isFinite, start > 0 else { return start == 0 ? x : nil }
    var lanczos = LanczosMatrix()
    defer { if factor?.isFactored != true { ritzValues = lanczos.extremes(minus: damping) } }
    var pace = Pace()
    for _ in 0..<limit {
      if pace.isDue(), shouldStop() { return nil }
      try multiply(direction, at: point, into: &image)
      addScaled(damping, direction, to: &image)
      let curvature = dot(direction, image)
      guard curvature > 0, curvature.isFinite else { return acceptsUnfinished ? x : nil }
      let step = squared / curvature
      addScaled(step, direction, to: &x)
      addScaled(-step, image, to: &residual)
      applyFactor(to: residual, into: &preconditioned)
      let next = dot(residual, preconditioned)
      if next <= NormalEquations.tolerance * NormalEquations.tolerance * start { return x }
      guard next.isFinite, next > 0 else { return acceptsUnfinished ? x : nil }
      let ratio = next / squared
      lanczos.append(step: step, ratio: ratio)
      for index in 0..<order { direction[index] = preconditioned[index] + ratio * direction[index] }
      squared = next
    }
    return acceptsUnfinished ? x : nil
  }

  private func applyFactor(to vector: [Double], into result: inout [Double]) {
    guard let factor, factor.isFactored else {
      result = vector
      return
    }
    vector.withUnsafeBufferPointer { factor.scratch.store($0) }
    algebra.solveCholesky(factor.matrix, factor.scratch)
    result.withUnsafeMutableBufferPointer { factor.scratch.load(into: $0) }
  }

  // MARK: - What the last system tells

  /// Whether a factor of the matrix is at hand, without which the last system's Ritz values are all there
  /// is: nothing to rely on, where that system was strongly damped.
  var hasFactor: Bool { factor?.isFactored == true }

  /// Estimates of the extreme eigenvalues of JᵀJ at `point`; nil when nothing was solved. With a factor
  /// by power and inverse iteration, without one the Ritz values of the last system, whose smallest is
  /// an upper bound. The smallest cannot be told from 0 below the rounding of the largest.
  package func extremeEigenvalues(
    at point: Vector
  ) throws(GraphError) -> (smallest: Double, largest: Double)? {
    guard let factor, factor.isFactored else { return ritzValues }
    guard 40 * productSeconds < secondsLeft else { return nil }
    var source = RandomSource(seed: 0x5eed)
    var low = (0..<order).map { _ in source.normal() }
    var high = low
    var image = low
    var (smallest, largest) = (0.0, 0.0)
    for _ in 0..<20 {
      applyFactor(to: low, into: &image)
      low = normalized(image)
      smallest = try rayleighQuotient(low, at: point, &image)
      largest = try rayleighQuotient(high, at: point, &image)
      high = normalized(image)
    }
    return (max(smallest, 0), largest)
  }

  /// An estimate of the mean of JᵀJ's diagonal, from random signs (Hutchinson 1989): sets the scale of
  /// dampings.
  package func meanDiagonal(at point: Vector) throws(GraphError) -> Double {
    var source = RandomSource(seed: 0x5c41e)
    var image = [Double](repeating: 0, count: order)
    var total = 0.0
    let most = 8
    var probes = 0
    while probes < most, probes == 0 || Double(most) * productSeconds < 0.1 * secondsLeft {
      probes += 1
      let signs = (0..<order).map { _ in source.integer(below: 2) == 0 ? -1.0 : 1 }
      total += try rayleighQuotient(signs, at: point, &image)
    }
    return total / Double(probes)
  }

  private func multiply(
    _ vector: [Double], at point: Vector, into image: inout [Double]
  ) throws(GraphError) {
    let start = ContinuousClock.now
    try vector.withUnsafeBufferPointer { vector throws(GraphError) in
      try image.withUnsafeMutableBufferPointer { image throws(GraphError) in
        try function.multiplyNormalMatrix(at: point, by: vector, into: image)
      }
    }
    productSeconds = (ContinuousClock.now - start).seconds
    counts.products += 1
  }

  private func normalized(_ vector: [Double]) -> [Double] {
    let scale = 1 / max(dot(vector, vector).squareRoot(), .leastNormalMagnitude)
    return vector.map { $0 * scale }
  }

  private func rayleighQuotient(
    _ vector: [Double], at point: Vector, _ image: inout [Double]
  ) throws(GraphError) -> Double {
    try multiply(vector, at: point, into: &image)
    return dot(vector, image) / max(dot(vector, vector), .leastNormalMagnitude)
  }
}

extension HostBuffer {
  /// The diagonal of this square matrix.
  var diagonal: [Double] {
    let order = matrixOrder
    return type.dtype == .f64
      ? (0..<order).map { pointer(as: Double.self)[$0 * order + $0] }
      : (0..<order).map { Double(pointer(as: Float.self)[$0 * order + $0]) }
  }

  /// Copies the lower triangle to the upper and sets the diagonal.
  func restoreUpperTriangle(diagonal: [Double], adding damping: Double) {
    let order = matrixOrder
    func restore<Scalar: BinaryFloatingPoint>(_: Scalar.Type) {
      let elements = pointer(as: Scalar.self)
      // Tile by tile: a column of a large row-major matrix touches a page at every element.
      let tile = 32
      for rowTile in stride(from: 0, to: order, by: tile) {
        for columnTile in stride(from: 0, through: rowTile, by: tile) {
          for row in rowTile..<min(rowTile + tile, order) {
            for column in columnTile..<min(columnTile + tile, row) {
              elements[column * order + row] = elements[row * order + column]
            }
          }
        }
      }
      for row in 0..<order { elements[row * order + row] = Scalar(diagonal[row] + damping) }
    }
    if type.dtype == .f64 { restore(Double.self) } else { restore(Float.self) }
  }
}
