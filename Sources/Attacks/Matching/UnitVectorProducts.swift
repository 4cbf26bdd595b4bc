import Solvers
import TensorGraph

/// A matrix from a graph that multiplies with it: row i is the product with unit vector i. Rounding
/// leaves a symmetric one not quite symmetric.
struct UnitVectorProducts {
  let function: CompiledFunction
  /// The directions' and the products' buffers, in one order; with several columns these are their first
  /// axis.
  let directions: [HostBuffer]
  let products: [HostBuffer]
  /// Products computed at once.
  let columns: Int

  /// Fills `matrix`, of the products' element type, or f32 from f64 products.
  ///
  /// - Returns: false when `shouldStop`, asked now and then, said so.
  func assemble(
    into matrix: HostBuffer, shouldStop: () -> Bool
  ) throws(GraphError) -> Bool {
    let counts = products.map { $0.type.shape.elementCount / columns }
    let order = matrix.matrixOrder
    precondition(order == counts.reduce(0, +), "\(matrix.type) for \(counts) unknowns")
    for direction in directions { direction.fillWithZeros() }
    var unknown = 0
    var pace = Pace()
    for (part, count) in counts.enumerated() {
      for start in stride(from: 0, to: count, by: columns) {
        if pace.isDue(), shouldStop() { return false }
        let used = min(columns, count - start)
        for column in 0..<used {
          directions[part].setElement(column * count + start + column, to: 1)
        }
        try function.run()
        for column in 0..<used {
          directions[part].setElement(column * count + start + column, to: 0)
          var target = (unknown + column) * order
          for (product, productCount) in zip(products, counts) {
            matrix.copy(
              product, from: column * productCount, to: target, count: productCount)
            target += productCount
          }
        }
        unknown += used
      }
    }
    return true
  }
}

extension HostBuffer {
  fileprivate func setElement(_ index: Int, to value: Double) {
    if type.dtype == .f64 {
      pointer(as: Double.self)[index] = value
    } else {
      pointer(as: Float.self)[index] = Float(value)
    }
  }

  /// Elements of a buffer of the same type or of one of more digits.
  fileprivate func copy(_ source: HostBuffer, from start: Int, to target: Int, count: Int) {
    if type.dtype == source.type.dtype {
      let size = type.dtype.byteCount
      (address + target * size).copyMemory(
        from: source.address + start * size, byteCount: count * size)
    } else {
      let (elements, wide) = (pointer(as: Float.self), source.pointer(as: Double.self))
      for index in 0..<count { elements[target + index] = Float(wide[start + index]) }
    }
  }

  fileprivate func fillWithZeros() {
    address.initializeMemory(as: UInt8.self, repeating: 0, count: type.byteCount)
  }
}
