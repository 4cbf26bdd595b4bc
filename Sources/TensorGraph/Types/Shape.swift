/// The extents of a tensor, outermost axis first (row-major). `[]` is a scalar.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// Extent of each axis; every extent is at least 0.
  public let dimensions: [Int]

  /// Creates a shape. Traps on a negative extent or when the number of elements overflows `Int`;
  /// use ``init(validating:)`` for extents that come from a file.
  public init(_ dimensions: [Int]) {
    precondition(
      Shape.elementCount(of: dimensions) != nil,
      "shape \(dimensions) has a negative extent or too many elements")
    self.dimensions = dimensions
  }

  /// Traps on a negative extent.
  public init(arrayLiteral elements: Int...) {
    self.init(elements)
  }

  /// Creates a shape from untrusted extents.
  ///
  /// - Throws: ``GraphError`` when an extent is negative or the number of elements overflows.
  public init(validating dimensions: [Int]) throws(GraphError) {
    guard Shape.elementCount(of: dimensions) != nil else {
      throw GraphError("shape \(dimensions) has a negative extent or too many elements")
    }
    self.dimensions = dimensions
  }

  /// Number of axes.
  public var rank: Int { dimensions.count }

  /// Number of elements; 1 for a scalar.
  public var elementCount: Int { dimensions.reduce(1, *) }

  /// Whether the shape has no axes.
  public var isScalar: Bool { dimensions.isEmpty }

  /// The extent of one axis.
  public subscript(axis: Int) -> Int { dimensions[axis] }

  /// Elements to step over for one step along each axis of a dense row-major tensor.
  public var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * dimensions[axis + 1]
    }
    return strides
  }

  /// The shape without the given axes.
  public func removing(axes: [Int]) -> Shape {
    Shape(dimensions.indices.filter { !axes.contains($0) }.map { dimensions[$0] })
  }

  /// The shape with the given axes set to extent 1.
  public func keeping(axes: [Int]) -> Shape {
    Shape(dimensions.indices.map { axes.contains($0) ? 1 : dimensions[$0] })
  }

  /// Such as "[2, 3]".
  public var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }

  private static func elementCount(of dimensions: [Int]) -> Int? {
    var count = 1
    var isEmpty = false
    for extent in dimensions {
      if extent < 0 { return nil }
      if extent == 0 {
        isEmpty = true
        continue
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      // Headroom of 16 keeps byte counts of every dtype within `Int` as well.
      if overflow || product > Int.max / 16 { return nil }
      count = product
    }
    return isEmpty ? 0 : count
  }
}

/// Shape and element type of a tensor: all that is known of a value before the graph runs.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
  /// The extents.
  public let shape: Shape
  /// Of each element.
  public let dtype: DType

  /// The type of tensors of that shape and element type.
  public init(_ shape: Shape, _ dtype: DType) {
    self.shape = shape
    self.dtype = dtype
  }

  /// Bytes of a dense tensor of this type.
  public var byteCount: Int { shape.elementCount * dtype.byteCount }

  /// Such as "f32[2, 3]".
  public var description: String { "\(dtype)\(shape)" }
}
