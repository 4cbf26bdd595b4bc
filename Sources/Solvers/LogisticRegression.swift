import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The logarithm of the odds of one of two classes as an affine function of features, fitted with a ridge: the least of
///
///     mean over rows of log(1 + exp(-y s)) + penalty d |w|² / 2,   s = w · z + intercept,
///
/// y being 1 or -1, z the features at mean 0 and deviation 1 over the rows, d how many they are.
package struct LogisticRegression: Sendable {
  private let scaling: FeatureScaling
  private let weights: [Double]
  private let intercept: Double

  /// Steps are few: what is left of the slope then is far below what the rows tell.
  private static let rule = StoppingRule(iterations: 60)

  /// - Parameters:
  ///   - rows: one or more, of equal length, finite.
  ///   - labels: whether each is of the class.
  ///   - penalty: above 0.
  package init(_ rows: [[Double]], _ labels: [Bool], penalty: Double) {
    precondition(!rows.isEmpty && rows.count == labels.count, "a label for each row")
    scaling = FeatureScaling(rows)
    let function = RidgeFunction(
      rows.map(scaling.scaled), labels, penalty: penalty * Double(max(rows[0].count, 1)))
    let start = [Double](repeating: 0, count: function.dimension)
    // The function has no graph that could fail.
    let point =
      (try? LBFGS(history: 20, gradientTolerance: 1e-7)
      .minimize(function, from: start, until: Self.rule) { _, _ in .proceed })?.point ?? start
    (weights, intercept) = (Array(point.dropLast()), point.last ?? 0)
  }

  /// The logarithm of the odds that a row is of the class.
  package func score(_ row: [Double]) -> Double {
    zip(weights, scaling.scaled(row)).reduce(intercept) { $0 + $1.0 * $1.1 }
  }

  /// The penalties that are tried, from the strongest on.
  private static let penalties = [1, 0.1, 0.01, 1e-3, 1e-4]
  private static let folds = 5

  /// The same with the penalty under which rows that had no part in the fit are told best.
  ///
  /// - Parameter source: puts rows into folds.
  package static func tuned(
    _ rows: [[Double]], _ labels: [Bool], using source: inout RandomSource
  ) -> LogisticRegression {
    let order = source.permutation(of: rows.count)
    var best = (penalty: penalties[0], loss: Double.infinity)
    for penalty in penalties {
      var loss = 0.0
      for fold in 0..<folds {
        let (held, kept) = order.enumerated().reduce(into: ([Int](), [Int]())) { parts, item in
          if item.offset % folds == fold {
            parts.0.append(item.element)
          } else {
            parts.1.append(item.element)
          }
        }
        guard !held.isEmpty, !kept.isEmpty else { continue }
        let fit = LogisticRegression(
          kept.map { rows[$0] }, kept.map { labels[$0] }, penalty: penalty)
        loss += held.reduce(0) { $0 + logisticLoss(fit.score(rows[$1]), labels[$1]) }
      }
      if loss < best.loss { best = (penalty, loss) }
    }
    return LogisticRegression(rows, labels, penalty: best.penalty)
  }
}

/// What is done to features so that each has mean 0 and deviation 1 over given rows; those that never change are left out.
private struct FeatureScaling: Sendable {
  private let means: [Double]
  private let factors: [Double]

  init(_ rows: [[Double]]) {
    let (count, width) = (Double(rows.count), rows[0].count)
    var means = [Double](repeating: 0, count: width)
    for row in rows { for index in 0..<width { means[index] += row[index] / count } }
    var squares = [Double](repeating: 0, count: width)
    for row in rows {
      for index in 0..<width {
        let difference = row[index] - means[index]
        squares[index] += difference * difference / count
      }
    }
    self.means = means
    factors = zip(squares, means).map { square, mean in
      square > 1e-24 * (square + mean * mean) ? 1 / square.squareRoot() : 0
    }
  }

  func scaled(_ row: [Double]) -> [Double] {
    row.indices.map { (row[$0] - means[$0]) * factors[$0] }
  }
}

/// log(1 + exp(-y s)), without overflow.
private func logisticLoss(_ score: Double, _ label: Bool) -> Double {
  let margin = label ? score : -score
  return max(-margin, 0) + log1p(exp(-abs(margin)))
}

/// The penalised loss of ``LogisticRegression``; a point is the weights, then the intercept.
private final class RidgeFunction: ObjectiveFunction {
  private let rows: [[Double]]
  private let labels: [Bool]
  private let penalty: Double
  private let width: Int

  init(_ rows: [[Double]], _ labels: [Bool], penalty: Double) {
    (self.rows, self.labels, self.penalty) = (rows, labels, penalty)
    width = rows[0].count
  }

  var dimension: Int { width + 1 }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) -> Double {
    let weights = Vector(rebasing: point[0..<width])
    let slope = MutableVector(rebasing: gradient[0..<width])
    for index in 0..<width { slope[index] = penalty * weights[index] }
    gradient[width] = 0
    var loss = penalty * dot(weights, weights) / 2
    let share = 1 / Double(rows.count)
    for (row, label) in zip(rows, labels) {
      row.withUnsafeBufferPointer { row in
        let score = dot(weights, row) + point[width]
        loss += share * logisticLoss(score, label)
        let factor = share * (1 / (1 + exp(-score)) - (label ? 1 : 0))
        addScaled(factor, row, to: slope)
        gradient[width] += factor
      }
    }
    return loss
  }
}
