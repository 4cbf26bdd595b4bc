import TensorGraph

extension Tensor {
  /// The transpose of a matrix of floating-point numbers.
  package var matrixTransposed: Tensor {
    precondition(shape.rank == 2, "\(shape) is no matrix")
    let (rows, columns) = (shape[0], shape[1])
    func turned<Element>(_ elements: [Element]) -> [Element] {
      (0..<elements.count).map { elements[$0 % rows * columns + $0 / rows] }
    }
    return switch storage {
    case .f32(let elements): Tensor([columns, rows], .f32(turned(elements)))
    case .f64(let elements): Tensor([columns, rows], .f64(turned(elements)))
    case .i32(let elements): Tensor([columns, rows], .i32(turned(elements)))
    case .i64(let elements): Tensor([columns, rows], .i64(turned(elements)))
    case .bool(let elements): Tensor([columns, rows], .bool(turned(elements)))
    }
  }

  /// The sum of squared elements, in f64 and in order.
  package var squaredNorm: Double {
    switch storage {
    case .f32(let elements): elements.reduce(into: 0.0) { $0 += Double($1) * Double($1) }
    case .f64(let elements): elements.reduce(into: 0.0) { $0 += $1 * $1 }
    case .i32, .i64, .bool: doubles.reduce(0) { $0 + $1 * $1 }
    }
  }

  /// The squared Euclidean distance to a tensor of the same shape, in f64.
  package func squaredDistance(to other: Tensor) -> Double {
    precondition(shape == other.shape, "\(shape) and \(other.shape)")
    return zip(doubles, other.doubles).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }

  /// This minus another of the same shape, in f64, in which the difference of two f32 numbers is all but exact.
  package func difference(from other: Tensor) -> Tensor {
    precondition(shape == other.shape, "\(shape) minus \(other.shape)")
    return Tensor(shape, .f64(zip(doubles, other.doubles).map { $0 - $1 }))
  }

  /// In f64: dividing by a learning rate should not round again.
  package func multiplied(by factor: Double) -> Tensor {
    Tensor(shape, .f64(doubles.map { $0 * factor }))
  }
}
