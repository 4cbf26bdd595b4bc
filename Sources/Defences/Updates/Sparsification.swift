extension UpdateInTransit {
  /// Ascending indices into the parts' concatenated values, as indices into each.
  func split(_ indices: [Int]) -> [[Int]] {
    var result: [[Int]] = []
    var next = indices.startIndex
    var start = 0
    for part in parts {
      let end = start + part.values.count
      var own: [Int] = []
      while next < indices.endIndex, indices[next] < end {
        own.append(indices[next] - start)
        next += 1
      }
      result.append(own)
      start = end
    }
    return result
  }
}

/// ⌈share · count⌉, not raised by the rounding of the product.
func keptCount(of count: Int, _ share: Double) -> Int {
  min(count, Int((share * Double(count) - 1e-9).rounded(.up)))
}

/// Indices of the `count` values of largest magnitude, ascending; of equal ones the last.
func largest(_ count: Int, of values: [Double]) -> [Int] {
  guard count < values.count else { return Array(values.indices) }
  let order = values.indices.sorted {
    let (left, right) = (values[$0].magnitude, values[$1].magnitude)
    return left == right ? $0 < $1 : left < right
  }
  return order.suffix(count).sorted()
}
