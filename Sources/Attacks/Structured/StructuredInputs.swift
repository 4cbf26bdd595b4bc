import Clients
import Solvers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Examples of a known structure as functions of free numbers (Vero et al. 2023, arXiv 2210.01785, section 4.1): a choice is the
/// softmax of its numbers divided by a temperature, a number within bounds a sigmoid between them.
struct StructuredInputs {
  let structure: InputStructure
  /// Examples.
  let count: Int

  /// Numbers of all examples together.
  var dimension: Int { count * structure.inputCount }

  /// The examples, one after the other.
  ///
  /// - Parameter free: as many.
  func values(of free: Vector, temperature: Double) -> [Double] {
    var values = [Double](repeating: 0, count: dimension)
    forEachPart { start, part in
      switch part {
      case .choice(let inputs):
        let largest = inputs.reduce(-Double.infinity) { max($0, free[start + $1]) }
        var sum = 0.0
        for input in inputs {
          let weight = exp((free[start + input] - largest) / temperature)
          values[start + input] = weight
          sum += weight
        }
        for input in inputs { values[start + input] /= sum }
      case .number(let input, let bounds, _):
        let share = 1 / (1 + exp(-free[start + input]))
        values[start + input] =
          bounds.lowerBound + (bounds.upperBound - bounds.lowerBound) * share
      }
    }
    return values
  }

  /// Turns a gradient with respect to the examples into one with respect to the free numbers.
  ///
  /// - Parameter values: those at which it is.
  func pullBack(_ slope: MutableVector, at values: [Double], temperature: Double) {
    forEachPart { start, part in
      switch part {
      case .choice(let inputs):
        let mean = inputs.reduce(0) { $0 + values[start + $1] * slope[start + $1] }
        for input in inputs {
          slope[start + input] =
            values[start + input] * (slope[start + input] - mean) / temperature
        }
      case .number(let input, let bounds, _):
        let width = bounds.upperBound - bounds.lowerBound
        guard width > 0 else { return slope[start + input] = 0 }
        let share = (values[start + input] - bounds.lowerBound) / width
        slope[start + input] *= width * share * (1 - share)
      }
    }
  }

  /// One batch of several that are alike: of numbers the median, of choices the mean.
  ///
  /// - Parameter batches: one at least, examples in the same order.
  func pooled(_ batches: [[Double]]) -> [Double] {
    var result = [Double](repeating: 0, count: dimension)
    forEachPart { start, part in
      switch part {
      case .choice(let inputs):
        for input in inputs {
          result[start + input] =
            batches.reduce(0) { $0 + $1[start + input] } / Double(batches.count)
        }
      case .number(let input, _, _):
        let sorted = batches.map { $0[start + input] }.sorted()
        let middle = sorted.count / 2
        result[start + input] =
          sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
      }
    }
    return result
  }

  /// A batch with its examples in the order that is nearest to another's, those of one label among themselves.
  func aligned(_ batch: [Double], to other: [Double], labels: [Int]) -> [Double] {
    let width = structure.inputCount
    func distance(_ own: Int, _ theirs: Int) -> Double {
      guard labels[own] == labels[theirs] else { return 1e100 }
      return (0..<width).reduce(0) {
        let difference = batch[own * width + $1] - other[theirs * width + $1]
        return $0 + difference * difference
      }
    }
    let order = minimumCostAssignment(
      (0..<count).map { theirs in (0..<count).map { distance($0, theirs) } })
    return order.flatMap { batch[$0 * width..<($0 + 1) * width] }
  }

  private func forEachPart(_ body: (Int, InputStructure.Part) -> Void) {
    for example in 0..<count {
      for part in structure.parts { body(example * structure.inputCount, part) }
    }
  }
}
