import Solvers
import TensorGraph

/// Where the eigenvalues of a symmetric positive semidefinite matrix lie: points on the line, each
/// standing for a number of eigenvalues.
package struct SpectralDensity: Sendable {
  /// Descending; none is negative.
  package let eigenvalues: [Double]
  /// How many eigenvalues each stands for: 1 when they are known one by one. The sum is the order of
  /// the matrix.
  package let weights: [Double]
  /// Whether every eigenvalue was computed; otherwise the density is an estimate.
  package let isExact: Bool

  /// All eigenvalues, ascending, of one matrix.
  init(ascending: [Double]) {
    eigenvalues = ascending.reversed().map { max($0, 0) }
    weights = [Double](repeating: 1, count: ascending.count)
    isExact = true
  }

  /// An estimate by stochastic Lanczos quadrature (Golub & Meurant 1994; Ubaru, Chen & Saad 2017):
  /// random vectors are seen through the tridiagonal matrices that the Lanczos process makes of them,
  /// whose eigenvalues and eigenvectors are the nodes and weights of a Gauss quadrature of the density.
  /// Sums of smooth functions over the spectrum come out to about 1 / √(probes · order).
  ///
  /// - Parameters:
  ///   - multiply: the product with the matrix, of vectors of `order` elements.
  ///   - steps: of the Lanczos process for each probe; it keeps as many vectors.
  ///   - rankBound: what the rank is known not to exceed: so many eigenvalues are 0, which the process
  ///     cannot tell from small ones.
  /// - Returns: nil when a product is not finite, or `shouldStop` asked to stop.
  init?(
    order: Int, probes: Int, steps: Int, rankBound: Int, seed: UInt64 = 0x1a9c205,
    algebra: any LinearAlgebra,
    shouldStop: () -> Bool = { false },
    multiply: (UnsafeBufferPointer<Double>, UnsafeMutableBufferPointer<Double>) throws(GraphError)
      -> Void
  ) throws(GraphError) {
    precondition(order > 0 && probes > 0 && steps > 0, "\(order), \(probes), \(steps)")
    var source = RandomSource(seed: seed)
    var nodes: [(eigenvalue: Double, weight: Double)] = []
    for _ in 0..<probes {
      let start = (0..<order).map { _ in source.integer(below: 2) == 0 ? -1.0 : 1 }
      guard
        let process = try LanczosProcess(
          start: start, steps: min(steps, order), shouldStop: shouldStop, multiply: multiply),
        let quadrature = process.quadrature(algebra)
      else { return nil }
      let share = Double(order) / Double(probes)
      nodes += quadrature.map { (max($0.eigenvalue, 0), $0.weight * share) }
    }
    nodes.sort { $0.eigenvalue > $1.eigenvalue }
    var eigenvalues: [Double] = []
    var weights: [Double] = []
    var room = Double(rankBound)
    for node in nodes {
      eigenvalues.append(node.eigenvalue)
      weights.append(min(node.weight, room))
      room -= min(node.weight, room)
    }
    if rankBound < order {
      eigenvalues.append(0)
      weights.append(Double(order - rankBound))
    }
    self.eigenvalues = eigenvalues
    self.weights = weights
    isExact = false
  }

  /// The order of the matrix.
  package var order: Double { weights.reduce(0, +) }

  /// Σ f(λ) over all eigenvalues.
  package func sum(_ function: (Double) -> Double) -> Double {
    zip(eigenvalues, weights).reduce(0) { $0 + $1.1 * function($1.0) }
  }

  /// Number of eigenvalues above `threshold`, rounded.
  package func count(above threshold: Double) -> Int {
    Int(sum { $0 > threshold ? 1 : 0 }.rounded())
  }

  /// Every eigenvalue, descending: each point as often as its weight says.
  package var expanded: [Double] {
    var result: [Double] = []
    var total = 0.0
    for (eigenvalue, weight) in zip(eigenvalues, weights) {
      total += weight
      while Double(result.count) + 0.5 <= total { result.append(eigenvalue) }
    }
    return result
  }
}

/// The Lanczos process with full reorthogonalisation (Golub & Van Loan, chapter 10).
private struct LanczosProcess {
  private var diagonal: [Double] = []
  private var offDiagonal: [Double] = []

  init?(
    start: [Double], steps: Int, shouldStop: () -> Bool,
    multiply: (UnsafeBufferPointer<Double>, UnsafeMutableBufferPointer<Double>) throws(GraphError)
      -> Void
  ) throws(GraphError) {
    let order = start.count
    var basis: [[Double]] = []
    var current = start
    var norm = dot(current, current).squareRoot()
    for step in 0..<steps {
      if step % 16 == 15, shouldStop() { return nil }
      for index in 0..<order { current[index] /= norm }
      basis.append(current)
      var image = [Double](repeating: 0, count: order)
      try current.withUnsafeBufferPointer { vector throws(GraphError) in
        try image.withUnsafeMutableBufferPointer { image throws(GraphError) in
          try multiply(vector, image)
        }
      }
      diagonal.append(dot(current, image))
      guard diagonal[step].isFinite else { return nil }
      // Twice is enough (Kahan, in Parlett 1980).
      for _ in 0..<2 {
        for vector in basis { addScaled(-dot(vector, image), vector, to: &image) }
      }
      norm = dot(image, image).squareRoot()
      guard norm.isFinite else { return nil }
      if norm <= 1e-13 * (diagonal.max() ?? 0) || step == steps - 1 { break }
      offDiagonal.append(norm)
      current = image
    }
  }

  /// Eigenvalues of the tridiagonal matrix, with the squares of their eigenvectors' first elements.
  func quadrature(_ algebra: any LinearAlgebra) -> [(eigenvalue: Double, weight: Double)]? {
    let order = diagonal.count
    var elements = [Double](repeating: 0, count: order * order)
    for index in 0..<order {
      elements[index * order + index] = diagonal[index]
      if index + 1 < order {
        elements[index * order + index + 1] = offDiagonal[index]
        elements[(index + 1) * order + index] = offDiagonal[index]
      }
    }
    let matrix = HostBuffer(Tensor([order, order], .f64(elements)))
    guard let eigenvalues = algebra.symmetricEigenvalues(matrix, vectors: true) else { return nil }
    let vectors = matrix.pointer(as: Double.self)
    return eigenvalues.enumerated().map { row, eigenvalue in
      (eigenvalue, vectors[row * order] * vectors[row * order])
    }
  }
}
