extension ReductionOp {
  func evaluate(_ operand: InterpretedTensor, _ type: TensorType) -> [Double] {
    switch self {
    case .reduce(let reduction, let axes):
      var results = [Double](
        repeating: reduction.identity(type.dtype), count: type.shape.elementCount)
      operand.forEachElement(reducing: axes, to: type.shape) { _, value, target in
        results[target] = reduction.combine(results[target], value)
      }
      return results
    case .argmax(let axis):
      var largest = [Double](repeating: 0, count: type.shape.elementCount)
      var positions = [Double](repeating: -1, count: type.shape.elementCount)
      operand.forEachElement(reducing: [axis], to: type.shape) { index, value, target in
        if positions[target] < 0 || value.isLargerForArgmax(than: largest[target]) {
          largest[target] = value
          positions[target] = Double(index[axis])
        }
      }
      return positions
    case .windowArgmax(let window):
      return window.evaluateArgmax(operand, type)
    }
  }
}

extension Reduction {
  /// The reduction of no elements.
  fileprivate func identity(_ dtype: DType) -> Double {
    switch self {
    case .sum: 0
    case .maximum: dtype.converting(-.infinity)
    }
  }

  fileprivate func combine(_ left: Double, _ right: Double) -> Double {
    switch self {
    case .sum: BinaryOp.add.evaluate(left, right)
    case .maximum: BinaryOp.maximum.evaluate(left, right)
    }
  }
}

extension Double {
  /// Whether this element takes an earlier element's place as the largest: NaN counts as larger
  /// than any number, and the first of equals stays.
  func isLargerForArgmax(than earlier: Double) -> Bool {
    isNaN ? !earlier.isNaN : self > earlier
  }
}

extension InterpretedTensor {
  /// Calls `body` with the index and value of every element, in row-major order, and with the offset
  /// of the element of `result` that it is reduced into.
  fileprivate func forEachElement(
    reducing axes: [Int], to result: Shape, _ body: ([Int], Double, Int) -> Void
  ) {
    let keptAxes = shape.dimensions.indices.filter { !axes.contains($0) }
    let resultStrides = result.strides
    var offset = 0
    shape.forEachIndex { index in
      var target = 0
      for (axis, stride) in zip(keptAxes, resultStrides) { target += index[axis] * stride }
      body(index, elements[offset], target)
      offset += 1
    }
  }
}
