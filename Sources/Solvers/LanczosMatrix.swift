/// The tridiagonal matrix of the Lanczos process that conjugate gradients run implicitly; its
/// eigenvalues (Ritz values) approach the extreme eigenvalues of the system's matrix (Golub & Van Loan,
/// 10.2.5 of the third edition).
struct LanczosMatrix {
  private var diagonal: [Double] = []
  private var offDiagonal: [Double] = []
  private var last: (step: Double, ratio: Double)?

  /// Takes the step length and the ratio of squared residuals of one iteration.
  mutating func append(step: Double, ratio: Double) {
    if let last {
      diagonal.append(1 / step + last.ratio / last.step)
      offDiagonal.append(last.ratio.squareRoot() / last.step)
    } else {
      diagonal.append(1 / step)
    }
    last = (step, ratio)
  }

  /// The smallest and largest eigenvalue, less `shift`; nil for an empty matrix.
  func extremes(minus shift: Double) -> (smallest: Double, largest: Double)? {
    guard !diagonal.isEmpty, diagonal.allSatisfy(\.isFinite) else { return nil }
    // Gershgorin's circles hold all eigenvalues.
    var (low, high) = (Double.infinity, -Double.infinity)
    for index in diagonal.indices {
      let radius =
        (index > 0 ? offDiagonal[index - 1] : 0)
        + (index < offDiagonal.count ? offDiagonal[index] : 0)
      low = min(low, diagonal[index] - radius)
      high = max(high, diagonal[index] + radius)
    }
    let smallest = bisect(low, high) { countBelow($0) >= 1 }
    let largest = bisect(low, high) { countBelow($0) >= diagonal.count }
    return (max(smallest - shift, 0), largest - shift)
  }

  private func bisect(_ low: Double, _ high: Double, _ isAbove: (Double) -> Bool) -> Double {
    var (low, high) = (low, high)
    for _ in 0..<100 {
      let middle = (low + high) / 2
      if isAbove(middle) { high = middle } else { low = middle }
    }
    return high
  }

  /// Number of eigenvalues below `x`: the negative pivots of T - xI (Sturm's sequence).
  private func countBelow(_ x: Double) -> Int {
    var count = 0
    var pivot = 1.0
    for index in diagonal.indices {
      let coupling = index > 0 ? offDiagonal[index - 1] * offDiagonal[index - 1] : 0
      pivot = diagonal[index] - x - coupling / pivot
      if pivot == 0 { pivot = -.leastNormalMagnitude }
      if pivot < 0 { count += 1 }
    }
    return count
  }
}
