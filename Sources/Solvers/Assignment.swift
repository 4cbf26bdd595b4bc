/// The cheapest one-to-one assignment of rows to columns of a square cost matrix.
///
/// The Hungarian method with potentials and shortest augmenting paths (Jonker and Volgenant,
/// "A shortest augmenting path algorithm for dense and sparse linear assignment problems", 1987):
/// O(n^3). Of several cheapest assignments always the same one is returned.
///
/// - Parameter cost: `cost[row][column]`. A cost that is not finite or is beyond 1e150, as of a
///   reconstruction that diverged, counts as dearer than any assignment of the others.
/// - Returns: the column of each row.
package func minimumCostAssignment(_ cost: [[Double]]) -> [Int] {
  let count = cost.count
  precondition(
    cost.allSatisfy { $0.count == count }, "\(cost.map(\.count)) columns in \(count) rows")
  var search = AssignmentSearch(cost: replacingNonFinite(cost))
  for row in 0..<count { search.assign(row) }
  var columns = [Int](repeating: 0, count: count)
  for column in 0..<count { columns[search.rowOfColumn[column]] = column }
  return columns
}

private func replacingNonFinite(_ cost: [[Double]]) -> [[Double]] {
  // Sums of larger costs could overflow.
  func isUsable(_ value: Double) -> Bool { abs(value) < 1e150 }
  let largest = cost.joined().lazy.filter(isUsable).map(abs).max() ?? 0
  let penalty = 1 + 2 * Double(cost.count) * largest
  return cost.map { row in row.map { isUsable($0) ? $0 : penalty } }
}

private struct AssignmentSearch {
  let cost: [[Double]]
  /// The row that holds each column; the extra last column starts each search.
  var rowOfColumn: [Int]
  private var rowPotential: [Double]
  private var columnPotential: [Double]
  private let unassigned = -1

  init(cost: [[Double]]) {
    self.cost = cost
    rowOfColumn = [Int](repeating: unassigned, count: cost.count + 1)
    rowPotential = [Double](repeating: 0, count: cost.count)
    columnPotential = [Double](repeating: 0, count: cost.count + 1)
  }

  /// Adds `row` along the cheapest alternating path to a free column.
  mutating func assign(_ row: Int) {
    let count = cost.count
    var slack = [Double](repeating: .infinity, count: count)
    var previousColumn = [Int](repeating: count, count: count)
    var isReached = [Bool](repeating: false, count: count + 1)
    var column = count
    rowOfColumn[count] = row
    repeat {
      isReached[column] = true
      let currentRow = rowOfColumn[column]
      var nearest = unassigned
      for candidate in 0..<count where !isReached[candidate] {
        let reduced =
          cost[currentRow][candidate] - rowPotential[currentRow] - columnPotential[candidate]
        if reduced < slack[candidate] {
          slack[candidate] = reduced
          previousColumn[candidate] = column
        }
        if nearest == unassigned || slack[candidate] < slack[nearest] { nearest = candidate }
      }
      let step = slack[nearest]
      for other in 0...count {
        if isReached[other] {
          rowPotential[rowOfColumn[other]] += step
          columnPotential[other] -= step
        } else {
          slack[other] -= step
        }
      }
      column = nearest
    } while rowOfColumn[column] != unassigned
    while column != count {
      rowOfColumn[column] = rowOfColumn[previousColumn[column]]
      column = previousColumn[column]
    }
  }
}
