import Solvers
import TensorGraph

/// Puts b sparse directions together to a batch, and tells how well it fits.
///
/// With directions Q [b, b] as columns, ∂ℓ/∂Z = L Q diag(s), and the batch is X = diag(s)⁻¹ Q⁻¹ R. The
/// scales follow from the bias's gradient, which is the sum of ∂ℓ/∂Z's columns. A right batch has its
/// own zeros: ∂ℓ/∂Z is 0 exactly where W x + bias is not positive (Dimitrov et al. 2024, section 3).
struct ColumnSelection {
  /// Row major [m, b]: L.
  let basis: [Double]
  /// Row major [m, b]: W Rᵀ, so that pre-activations need no pixels.
  let projectedWeight: [Double]
  /// The layer's bias [m].
  let offset: [Double]
  /// Lᵀ times the bias's gradient [b].
  let projectedBias: [Double]
  let tolerance: Double

  struct Batch {
    /// diag(s)⁻¹ Q⁻¹, row major [b, b]; times R it is the batch.
    let mixing: [Double]
    /// Q diag(s), row major [b, b]; L times it is ∂ℓ/∂Z.
    let directions: [Double]
    /// Share of units and samples whose zeros agree.
    let agreement: Double
  }

  private var width: Int { projectedBias.count }

  /// The batch of these directions.
  ///
  /// - Returns: nil when there are too few, or they are dependent.
  func batch(of basis: [SparseColumnSearch.Candidate]) -> Batch? {
    basis.count == width ? batch(basis.map(\.direction)) : nil
  }

  /// Exchanges directions for others as long as zeros agree better. The sparsest directions need not be
  /// the right ones where an image reaches most units.
  func improved(
    _ basis: [SparseColumnSearch.Candidate], with rest: [SparseColumnSearch.Candidate]
  ) -> Batch? {
    var current = basis.map(\.direction)
    guard current.count == width, var best = batch(current) else { return nil }
    var improves = true
    while improves, best.agreement < 1 {
      improves = false
      for candidate in rest {
        for place in 0..<width {
          var changed = current
          changed[place] = candidate.direction
          guard let batch = batch(changed), batch.agreement > best.agreement else { continue }
          (best, current, improves) = (batch, changed, true)
        }
      }
    }
    return best
  }

  /// - Returns: nil when the directions are dependent.
  private func batch(_ directions: [[Double]]) -> Batch? {
    let b = width
    var q = [Double](repeating: 0, count: b * b)
    for (column, direction) in directions.enumerated() {
      for row in 0..<b { q[row * b + column] = direction[row] }
    }
    guard let inverse = inverted(q, order: b) else { return nil }
    let scales = (0..<b).map { row in
      (0..<b).reduce(0) { $0 + inverse[row * b + $1] * projectedBias[$1] }
    }
    guard scales.allSatisfy({ $0 != 0 && $0.isFinite }) else { return nil }
    var mixing = inverse
    for row in 0..<b { for column in 0..<b { mixing[row * b + column] /= scales[row] } }
    for row in 0..<b { for column in 0..<b { q[row * b + column] *= scales[column] } }
    return Batch(mixing: mixing, directions: q, agreement: agreement(mixing, q))
  }

  private func agreement(_ mixing: [Double], _ directions: [Double]) -> Double {
    let b = width
    let rows = offset.count
    let lengths = (0..<rows).map { row in
      (0..<b).reduce(0) { $0 + basis[row * b + $1] * basis[row * b + $1] }.squareRoot()
    }
    // A unit that no image reached is 0 for all of them, to rounding.
    let least = 1e-9 * (lengths.max() ?? 0)
    var agreeing = 0
    for row in 0..<rows {
      let length = lengths[row]
      for sample in 0..<b {
        var (value, cotangent, norm) = (offset[row], 0.0, 0.0)
        for index in 0..<b {
          value += projectedWeight[row * b + index] * mixing[sample * b + index]
          let direction = directions[index * b + sample]
          cotangent += basis[row * b + index] * direction
          norm += direction * direction
        }
        let isZero =
          length <= least || abs(cotangent) <= tolerance * length * norm.squareRoot()
        if (value > 0) != isZero { agreeing += 1 }
      }
    }
    return Double(agreeing) / Double(max(rows * b, 1))
  }
}
