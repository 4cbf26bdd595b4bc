/// A dense, row-major tensor in host memory: a value that enters or leaves a graph.
public struct Tensor: Hashable, Sendable {
  /// The elements, in row-major order.
  public enum Storage: Hashable, Sendable {
    case f32([Float])
    case f64([Double])
    case i32([Int32])
    case i64([Int64])
    case bool([Bool])
  }

  /// The extents.
  public let shape: Shape
  /// The elements, row-major.
  public private(set) var storage: Storage

  /// Creates a tensor. Traps when the number of elements is not that of the shape.
  public init(_ shape: Shape, _ storage: Storage) {
    let count =
      switch storage {
      case .f32(let elements): elements.count
      case .f64(let elements): elements.count
      case .i32(let elements): elements.count
      case .i64(let elements): elements.count
      case .bool(let elements): elements.count
      }
    precondition(
      count == shape.elementCount,
      "a tensor of shape \(shape) holds \(shape.elementCount) elements, not \(count)")
    self.shape = shape
    self.storage = storage
  }

  /// Creates a tensor of `dtype` whose elements are rounded from `Double`s.
  ///
  /// Integers are truncated towards zero and clamped to their range (NaN becomes 0);
  /// `bool` is true for non-zero values.
  public init(_ shape: Shape, _ dtype: DType, _ elements: [Double]) {
    switch dtype {
    case .f32: self.init(shape, .f32(elements.map { Float($0) }))
    case .f64: self.init(shape, .f64(elements))
    case .i32: self.init(shape, .i32(elements.map { Int32(clampedInteger($0)) }))
    case .i64: self.init(shape, .i64(elements.map { clampedInteger($0) }))
    case .bool: self.init(shape, .bool(elements.map { $0 != 0 }))
    }
    func clampedInteger(_ value: Double) -> Int64 {
      if value.isNaN { return 0 }
      let low = dtype == .i32 ? Double(Int32.min) : Double(Int64.min)
      let high = dtype == .i32 ? Double(Int32.max) : 9_223_372_036_854_774_784
      return Int64(min(max(value.rounded(.towardZero), low), high))
    }
  }

  /// Creates a tensor whose elements are all the same.
  public init(_ shape: Shape, _ dtype: DType, repeating value: Double) {
    self.init(shape, dtype, [Double](repeating: value, count: shape.elementCount))
  }

  /// Creates a scalar.
  public init(scalar value: Double, _ dtype: DType) {
    self.init([], dtype, [value])
  }

  /// Of each element.
  public var dtype: DType {
    switch storage {
    case .f32: .f32
    case .f64: .f64
    case .i32: .i32
    case .i64: .i64
    case .bool: .bool
    }
  }

  /// Shape and element type.
  public var type: TensorType { TensorType(shape, dtype) }

  /// The elements as `Double`s. Exact, except for `i64` beyond 2^53.
  public var doubles: [Double] {
    switch storage {
    case .f32(let elements): elements.map { Double($0) }
    case .f64(let elements): elements
    case .i32(let elements): elements.map { Double($0) }
    case .i64(let elements): elements.map { Double($0) }
    case .bool(let elements): elements.map { $0 ? 1 : 0 }
    }
  }

  /// The only element of a one-element tensor, as a `Double`.
  public var scalarValue: Double {
    precondition(shape.elementCount == 1, "\(type) is not a scalar")
    return doubles[0]
  }

  /// The same elements converted to another type, rounded as in ``init(_:_:_:)``.
  public func converted(to dtype: DType) -> Tensor {
    dtype == self.dtype ? self : Tensor(shape, dtype, doubles)
  }

  /// The same elements in another shape of the same size.
  public func reshaped(to shape: Shape) -> Tensor {
    Tensor(shape, storage)
  }

  /// Calls `body` with the elements' bytes.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    switch storage {
    case .f32(let elements): try elements.withUnsafeBytes(body)
    case .f64(let elements): try elements.withUnsafeBytes(body)
    case .i32(let elements): try elements.withUnsafeBytes(body)
    case .i64(let elements): try elements.withUnsafeBytes(body)
    case .bool(let elements): try elements.withUnsafeBytes(body)
    }
  }
}
