import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// LAPACK from a library that is looked for when the program runs, so that nothing has to be installed
/// to build: OpenBLAS, the distribution's LAPACK, Accelerate, or what SciPy and NumPy brought along; see
/// ``LAPACKLibrary``.
///
/// Fortran reads matrices column by column, so that the upper triangle of a row-major matrix is its
/// lower one.
struct LAPACK: LinearAlgebra {
  /// The library, loaded once; nil when the machine has none.
  static let installed = LAPACK()

  // Arguments are Fortran's: all by reference. The hidden lengths of the character arguments come last. Integers have
  // 64 bits; a library of 32-bit integers reads their lower half, which on a little-endian machine comes first.
  private typealias Factor =
    @Sendable @convention(c) (
      UnsafePointer<CChar>, UnsafePointer<Int64>, UnsafeMutableRawPointer, UnsafePointer<Int64>,
      UnsafeMutablePointer<Int64>, Int
    ) -> Void
  private typealias Solve =
    @Sendable @convention(c) (
      UnsafePointer<CChar>, UnsafePointer<Int64>, UnsafePointer<Int64>, UnsafeRawPointer,
      UnsafePointer<Int64>, UnsafeMutableRawPointer, UnsafePointer<Int64>,
      UnsafeMutablePointer<Int64>, Int
    ) -> Void
  private typealias Eigenvalues =
    @Sendable @convention(c) (
      UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<Int64>,
      UnsafeMutablePointer<Double>, UnsafePointer<Int64>, UnsafeMutablePointer<Double>,
      UnsafeMutablePointer<Double>, UnsafePointer<Int64>, UnsafeMutablePointer<Int64>,
      UnsafePointer<Int64>, UnsafeMutablePointer<Int64>, Int, Int
    ) -> Void

  private typealias SingularValues =
    @Sendable @convention(c) (
      UnsafePointer<CChar>, UnsafePointer<Int64>, UnsafePointer<Int64>,
      UnsafeMutablePointer<Double>, UnsafePointer<Int64>, UnsafeMutablePointer<Double>,
      UnsafeMutablePointer<Double>, UnsafePointer<Int64>, UnsafeMutablePointer<Double>,
      UnsafePointer<Int64>, UnsafeMutablePointer<Double>, UnsafePointer<Int64>,
      UnsafeMutablePointer<Int64>, UnsafeMutablePointer<Int64>, Int
    ) -> Void

  private let factorF32: Factor
  private let factorF64: Factor
  private let solveF32: Solve
  private let solveF64: Solve
  private let eigenvaluesF64: Eigenvalues
  private let singularValuesF64: SingularValues

  var name: String { "LAPACK" }
  var largestEigenvalueOrder: Int { 16384 }

  private init?() {
    for library in LAPACKLibrary.candidates.lazy.compactMap(LAPACKLibrary.init) {
      guard let spotrf = library.routine("spotrf"), let dpotrf = library.routine("dpotrf"),
        let spotrs = library.routine("spotrs"), let dpotrs = library.routine("dpotrs"),
        let dsyevd = library.routine("dsyevd"), let dgesdd = library.routine("dgesdd")
      else {
        library.close()
        continue
      }
      factorF32 = unsafeBitCast(spotrf, to: Factor.self)
      factorF64 = unsafeBitCast(dpotrf, to: Factor.self)
      solveF32 = unsafeBitCast(spotrs, to: Solve.self)
      solveF64 = unsafeBitCast(dpotrs, to: Solve.self)
      eigenvaluesF64 = unsafeBitCast(dsyevd, to: Eigenvalues.self)
      singularValuesF64 = unsafeBitCast(dgesdd, to: SingularValues.self)
      return
    }
    return nil
  }

  /// What a routine says of itself: a library of 32-bit integers writes the lower half.
  private static func status(_ value: Int64) -> Int32 { Int32(truncatingIfNeeded: value) }

  func factorCholesky(_ matrix: HostBuffer) -> Bool {
    var order = LAPACK.order(of: matrix)
    guard order > 0 else { return true }
    var status: Int64 = 0
    let factor = matrix.type.dtype == .f64 ? factorF64 : factorF32
    factor("L", &order, matrix.address, [order], &status, 1)
    precondition(LAPACK.status(status) >= 0, "argument \(-status) of potrf is wrong")
    return status == 0 && hasFiniteDiagonal(matrix, Int(order))
  }

  func solveCholesky(_ factor: HostBuffer, _ vector: HostBuffer) {
    var order = LAPACK.order(of: factor)
    precondition(
      vector.type == TensorType([Int(order)], factor.type.dtype),
      "\(vector.type) does not fit a factor \(factor.type)")
    guard order > 0 else { return }
    var (count, status): (Int64, Int64) = (1, 0)
    let solve = factor.type.dtype == .f64 ? solveF64 : solveF32
    solve("L", &order, &count, factor.address, [order], vector.address, [order], &status, 1)
    precondition(status == 0, "argument \(-status) of potrs is wrong")
  }

  func symmetricEigenvalues(_ matrix: HostBuffer, vectors: Bool) -> [Double]? {
    var order = LAPACK.order(of: matrix)
    precondition(matrix.type.dtype == .f64, "eigenvalues of a matrix \(matrix.type)")
    guard order > 0 else { return [] }
    let elements = matrix.pointer(as: Double.self)
    guard let a = elements.baseAddress, elements.allSatisfy(\.isFinite) else { return nil }
    var values = [Double](repeating: 0, count: Int(order))
    var status: Int64 = 0
    // The first call asks how much work space the second needs.
    var (workSize, integerWorkSize): (Double, Int64) = (0, 0)
    var query: Int64 = -1
    let job = vectors ? "V" : "N"
    eigenvaluesF64(
      job, "L", &order, a, [order], &values, &workSize, &query, &integerWorkSize, &query, &status,
      1, 1)
    guard status == 0, workSize < Double(Int32.max) else { return nil }
    var workCount = Int64(workSize)
    var integerWorkCount = integerWorkSize
    var work = [Double](repeating: 0, count: Int(workCount))
    var integerWork = [Int64](repeating: 0, count: Int(integerWorkCount))
    eigenvaluesF64(
      job, "L", &order, a, [order], &values, &work, &workCount, &integerWork, &integerWorkCount,
      &status, 1, 1)
    return status == 0 ? values : nil
  }

  /// Fortran sees the transpose, whose left vectors are this matrix's right ones.
  func singularValueDecomposition(_ matrix: HostBuffer) -> SingularValueDecomposition? {
    let (rows, columns) = matrix.matrixExtents
    let count = min(rows, columns)
    precondition(
      max(rows, columns) <= Int(Int32.max) / 4, "a matrix \(matrix.type) is too large for LAPACK")
    let elements = matrix.pointer(as: Double.self)
    guard let a = elements.baseAddress, count > 0 else {
      return SingularValueDecomposition(left: [], values: [], right: [])
    }
    guard elements.allSatisfy(\.isFinite) else { return nil }
    var (m, n, k) = (Int64(columns), Int64(rows), Int64(count))
    var values = [Double](repeating: 0, count: count)
    var right = [Double](repeating: 0, count: count * columns)
    var left = [Double](repeating: 0, count: rows * count)
    var integerWork = [Int64](repeating: 0, count: 8 * count)
    var status: Int64 = 0
    var workSize = 0.0
    var query: Int64 = -1
    singularValuesF64(
      "S", &m, &n, a, [m], &values, &right, [m], &left, &k, &workSize, &query, &integerWork,
      &status, 1)
    guard status == 0, workSize < Double(Int32.max) else { return nil }
    var workCount = Int64(workSize)
    var work = [Double](repeating: 0, count: Int(workCount))
    singularValuesF64(
      "S", &m, &n, a, [m], &values, &right, [m], &left, &k, &work, &workCount, &integerWork,
      &status, 1)
    guard status == 0 else { return nil }
    return SingularValueDecomposition(left: left, values: values, right: right)
  }

  /// OpenBLAS lets NaN pass for a positive pivot.
  private func hasFiniteDiagonal(_ matrix: HostBuffer, _ order: Int) -> Bool {
    func isFinite<Scalar: BinaryFloatingPoint>(_: Scalar.Type) -> Bool {
      let elements = matrix.pointer(as: Scalar.self)
      return (0..<order).allSatisfy { elements[$0 * order + $0].isFinite }
    }
    return matrix.type.dtype == .f64 ? isFinite(Double.self) : isFinite(Float.self)
  }

  private static func order(of matrix: HostBuffer) -> Int64 {
    let order = matrix.matrixOrder
    // Most libraries count in 32 bits.
    precondition(order <= 46340, "a matrix of order \(order) is too large for LAPACK's integers")
    return Int64(order)
  }
}

extension CPUBackend {
  /// LAPACK where the machine has it and memory for it, plain loops elsewhere.
  public var linearAlgebra: any LinearAlgebra {
    // OpenBLAS asks again for ever for work space that it does not get.
    if AvailableMemory.byteCount > 512 << 20, let installed = LAPACK.installed { return installed }
    return ReferenceLinearAlgebra()
  }
}
