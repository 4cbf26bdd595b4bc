// Vector kernels of the solvers, in SIMD lanes with a fixed order of summation: Swift does not
// reorder floating-point sums, so a plain loop would use one lane.

package typealias Vector = UnsafeBufferPointer<Double>
package typealias MutableVector = UnsafeMutableBufferPointer<Double>

private typealias Lanes = SIMD8<Double>

@inline(__always)
private func lanes(_ pointer: UnsafePointer<Double>, at index: Int) -> Lanes {
  UnsafeRawPointer(pointer + index).loadUnaligned(as: Lanes.self)
}

/// The inner product of two vectors of one length.
package func dot(_ left: Vector, _ right: Vector) -> Double {
  precondition(left.count == right.count, "\(left.count) and \(right.count) coordinates")
  guard let left = left.baseAddress, let rightBase = right.baseAddress else { return 0 }
  let count = right.count
  var sum = Lanes.zero
  var index = 0
  while index + Lanes.scalarCount <= count {
    sum += lanes(left, at: index) * lanes(rightBase, at: index)
    index += Lanes.scalarCount
  }
  var total = sum.sum()
  while index < count {
    total += left[index] * rightBase[index]
    index += 1
  }
  return total
}

/// result += factor * vector.
package func addScaled(_ factor: Double, _ vector: Vector, to result: MutableVector) {
  precondition(vector.count == result.count, "\(vector.count) and \(result.count) coordinates")
  guard let vector = vector.baseAddress, let target = result.baseAddress else { return }
  var index = 0
  while index + Lanes.scalarCount <= result.count {
    let sum = lanes(target, at: index) + factor * lanes(vector, at: index)
    UnsafeMutableRawPointer(target + index).storeBytes(of: sum, as: Lanes.self)
    index += Lanes.scalarCount
  }
  while index < result.count {
    target[index] += factor * vector[index]
    index += 1
  }
}

/// Largest absolute coordinate; NaN if there is one.
func maximumNorm(_ vector: Vector) -> Double {
  var largest = 0.0
  for coordinate in vector {
    if coordinate.isNaN { return .nan }
    largest = max(largest, abs(coordinate))
  }
  return largest
}

/// Sum of absolute coordinates.
func absoluteSum(_ vector: Vector) -> Double {
  vector.reduce(0) { $0 + abs($1) }
}

/// The inner product of two vectors of one length.
package func dot(_ left: [Double], _ right: [Double]) -> Double {
  left.withUnsafeBufferPointer { left in right.withUnsafeBufferPointer { dot(left, $0) } }
}

/// result += factor * vector.
package func addScaled(_ factor: Double, _ vector: [Double], to result: inout [Double]) {
  vector.withUnsafeBufferPointer { vector in
    result.withUnsafeMutableBufferPointer { addScaled(factor, vector, to: $0) }
  }
}
