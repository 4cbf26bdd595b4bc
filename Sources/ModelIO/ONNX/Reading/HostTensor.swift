import TensorGraph

/// A constant of the model: known before the graph runs, of any ONNX element type.
///
/// Whole numbers are exact. Floating-point numbers are held as `Double`, so that a graph in `f64`
/// loses nothing of what the file says.
struct HostTensor: Hashable, Sendable {
  enum Storage: Sendable {
    /// Integers, and booleans as 0 and 1.
    case integers([Int64])
    case floats([Double])
  }

  let shape: Shape
  let type: ONNXElementType
  let storage: Storage

  init(_ shape: Shape, _ type: ONNXElementType, _ storage: Storage) {
    let count =
      switch storage {
      case .integers(let elements): elements.count
      case .floats(let elements): elements.count
      }
    precondition(count == shape.elementCount, "\(count) elements for shape \(shape)")
    self.shape = shape
    self.type = type
    self.storage = storage
  }

  /// A vector of `int64`, like a shape.
  init(_ integers: [Int]) {
    self.init([integers.count], .int64, .integers(integers.map { Int64($0) }))
  }

  /// Elements of a graph's tensor.
  init(_ tensor: Tensor, _ type: ONNXElementType) {
    let storage: Storage =
      switch tensor.storage {
      case .f32(let elements): .floats(elements.map { Double($0) })
      case .f64(let elements): .floats(elements)
      case .i32(let elements): .integers(elements.map { Int64($0) })
      case .i64(let elements): .integers(elements)
      case .bool(let elements): .integers(elements.map { $0 ? 1 : 0 })
      }
    self.init(tensor.shape, type, storage)
  }

  var count: Int { shape.elementCount }

  /// The elements as `Double`s; exact but for integers beyond 2^53.
  var doubles: [Double] {
    switch storage {
    case .integers(let elements): elements.map { Double($0) }
    case .floats(let elements): elements
    }
  }

  /// The elements as integers; nil when they are floating-point numbers.
  var integers: [Int]? {
    guard case .integers(let elements) = storage else { return nil }
    return elements.map { Int($0) }
  }

  /// The element that all are equal to, bit by bit; nil when they differ or there are none.
  var uniformValue: Double? {
    switch storage {
    case .integers(let elements):
      guard let first = elements.first, elements.allSatisfy({ $0 == first }) else { return nil }
      return Double(first)
    case .floats(let elements):
      guard let first = elements.first,
        elements.allSatisfy({ $0.bitPattern == first.bitPattern })
      else { return nil }
      return first
    }
  }

  /// The same elements in another shape of the same size.
  func reshaped(_ shape: Shape) -> HostTensor { HostTensor(shape, type, storage) }

  /// The elements as a graph holds them, floating-point numbers as `floating`.
  func tensor(floating: DType) -> Tensor {
    switch (storage, type.dtype(floating: floating)) {
    case (.integers(let elements), .i64): Tensor(shape, .i64(elements))
    case (.integers(let elements), .i32): Tensor(shape, .i32(elements.map { Int32(clamping: $0) }))
    case (.integers(let elements), .bool): Tensor(shape, .bool(elements.map { $0 != 0 }))
    case (_, let dtype): Tensor(shape, dtype, doubles)
    }
  }
}

extension HostTensor.Storage: Hashable {
  /// Bit by bit: NaN equals itself, and 0 is not -0.
  static func == (lhs: Self, rhs: Self) -> Bool {
    switch (lhs, rhs) {
    case (.integers(let left), .integers(let right)): left == right
    case (.floats(let left), .floats(let right)):
      left.elementsEqual(right) { $0.bitPattern == $1.bitPattern }
    case (.integers, .floats), (.floats, .integers): false
    }
  }

  func hash(into hasher: inout Hasher) {
    switch self {
    case .integers(let elements): hasher.combine(elements)
    case .floats(let elements): for element in elements { hasher.combine(element.bitPattern) }
    }
  }
}
