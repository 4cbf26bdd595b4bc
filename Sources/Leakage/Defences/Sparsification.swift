extension UpdateInTransit {
  /// Leaves out the ⌊share · n⌋ numbers of smallest magnitude of each tensor of n; of equal ones the
  /// first.
  mutating func prune(share: Double) {
    keep(
      parts.map { part in
        let count = part.values.count
        return largest(count - Int(share * Double(count)), of: part.values)
      })
    wire.setSparse(isSeeded: false)
  }

  /// Keeps the ⌈share · n⌉ numbers of largest magnitude of the whole update of n.
  mutating func keepLargest(share: Double) {
    let all = parts.flatMap(\.values)
    keep(split(largest(keptCount(of: all.count, share), of: all)))
    wire.setSparse(isSeeded: false)
  }

  /// Keeps ⌈share · n⌉ numbers of the whole update of n, chosen at random.
  mutating func keepRandom(share: Double, using source: inout RandomSource) {
    let count = parts.reduce(0) { $0 + $1.values.count }
    let chosen = source.permutation(of: count).prefix(keptCount(of: count, share)).sorted()
    keep(split(chosen))
    wire.setSparse(isSeeded: true)
  }

  /// Ascending indices into the parts' concatenated values, as indices into each.
  private func split(_ indices: [Int]) -> [[Int]] {
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

/// What deep gradient compression keeps between rounds, for each tensor (Lin et al. 2018, arXiv
/// 1712.01887, algorithm 4): momentum correction and momentum factor masking.
struct CompressionMemory {
  /// u: the gradients' running sum with momentum.
  private var velocity: [[Double]] = []
  /// v: what has not been sent yet.
  private var accumulated: [[Double]] = []

  /// u ← m u + g; v ← v + u; sends the ⌈share · n⌉ largest of v, and forgets u and v there.
  ///
  /// - Returns: for each tensor what is sent: ascending positions, and the values there.
  mutating func compress(
    _ gradients: [[Double]], share: Double, momentum: Double
  ) -> [(positions: [Int], values: [Double])] {
    if velocity.isEmpty {
      velocity = gradients.map { [Double](repeating: 0, count: $0.count) }
      accumulated = velocity
    }
    return gradients.indices.map { tensor in
      for index in gradients[tensor].indices {
        velocity[tensor][index] = momentum * velocity[tensor][index] + gradients[tensor][index]
        accumulated[tensor][index] += velocity[tensor][index]
      }
      let values = accumulated[tensor]
      let positions = largest(keptCount(of: values.count, share), of: values)
      for position in positions {
        velocity[tensor][position] = 0
        accumulated[tensor][position] = 0
      }
      return (positions, positions.map { values[$0] })
    }
  }
}
