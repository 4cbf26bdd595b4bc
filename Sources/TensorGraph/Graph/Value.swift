/// A node of a graph under construction: what expressions are written with.
///
/// Operators follow NumPy's broadcasting: trailing axes are aligned, and an axis of extent 1 (or a
/// missing one) repeats. Scalars written as `Double` take the other operand's element type.
public struct Value {
  /// The node that computes it.
  public let id: NodeID
  /// The graph under construction that it belongs to.
  public let builder: GraphBuilder

  /// Its operator, operands and type.
  public var node: Node { builder.node(id) }
  /// Its shape and element type.
  public var type: TensorType { node.type }
  /// Its extents.
  public var shape: Shape { node.type.shape }
  /// Its element type.
  public var dtype: DType { node.type.dtype }

  func unary(_ op: UnaryOp) -> Value { builder.apply(.elementwise(.unary(op)), [self]) }

  func binary(_ op: BinaryOp, _ other: Value) -> Value {
    let (left, right) = Value.broadcastTogether(self, other)
    return builder.apply(.elementwise(.binary(op)), [left, right])
  }

  func compare(_ comparison: Comparison, _ other: Value) -> Value {
    let (left, right) = Value.broadcastTogether(self, other)
    return builder.apply(.elementwise(.compare(comparison)), [left, right])
  }

  /// A tensor like this one whose elements are all `value`.
  public func filled(with value: Double) -> Value {
    builder.constant(value, shape, dtype)
  }
}

// MARK: - Elementwise

extension Value {
  /// The sum, element by element.
  public static func + (lhs: Value, rhs: Value) -> Value { lhs.binary(.add, rhs) }
  /// The difference, element by element.
  public static func - (lhs: Value, rhs: Value) -> Value { lhs.binary(.subtract, rhs) }
  /// The product, element by element.
  public static func * (lhs: Value, rhs: Value) -> Value { lhs.binary(.multiply, rhs) }
  /// The quotient, element by element; see ``BinaryOp/divide`` for integers.
  public static func / (lhs: Value, rhs: Value) -> Value { lhs.binary(.divide, rhs) }
  /// Each element plus a number.
  public static func + (lhs: Value, rhs: Double) -> Value { lhs + lhs.filled(with: rhs) }
  /// Each element minus a number.
  public static func - (lhs: Value, rhs: Double) -> Value { lhs - lhs.filled(with: rhs) }
  /// Each element times a number.
  public static func * (lhs: Value, rhs: Double) -> Value { lhs * lhs.filled(with: rhs) }
  /// Each element divided by a number.
  public static func / (lhs: Value, rhs: Double) -> Value { lhs / lhs.filled(with: rhs) }
  /// A number plus each element.
  public static func + (lhs: Double, rhs: Value) -> Value { rhs.filled(with: lhs) + rhs }
  /// A number minus each element.
  public static func - (lhs: Double, rhs: Value) -> Value { rhs.filled(with: lhs) - rhs }
  /// A number times each element.
  public static func * (lhs: Double, rhs: Value) -> Value { rhs.filled(with: lhs) * rhs }
  /// A number divided by each element.
  public static func / (lhs: Double, rhs: Value) -> Value { rhs.filled(with: lhs) / rhs }
  /// Each element negated.
  public static prefix func - (value: Value) -> Value { value.unary(.negate) }

  /// The absolute values.
  public func absolute() -> Value { unary(.absolute) }
  /// -1, 0 or 1 for each element.
  public func sign() -> Value { unary(.sign) }
  /// Each element rounded down.
  public func floor() -> Value { unary(.floor) }
  /// e to the power of each element.
  public func exp() -> Value { unary(.exp) }
  /// The natural logarithms.
  public func log() -> Value { unary(.log) }
  /// log(1 + x), accurate near 0.
  public func log1p() -> Value { unary(.log1p) }
  /// The square roots.
  public func sqrt() -> Value { unary(.sqrt) }
  /// 1 / √x for each element x.
  public func rsqrt() -> Value { unary(.rsqrt) }
  /// The sines.
  public func sin() -> Value { unary(.sin) }
  /// The cosines.
  public func cos() -> Value { unary(.cos) }
  /// The hyperbolic tangents.
  public func tanh() -> Value { unary(.tanh) }
  /// The logistic function 1 / (1 + e⁻ˣ).
  public func sigmoid() -> Value { unary(.sigmoid) }
  /// The error function.
  public func erf() -> Value { unary(.erf) }
  /// Not, of booleans.
  public func logicalNot() -> Value { unary(.not) }

  /// Each element to the power of the other's.
  public func power(_ exponent: Value) -> Value { binary(.power, exponent) }
  /// Each element to a power.
  public func power(_ exponent: Double) -> Value { binary(.power, filled(with: exponent)) }
  /// Each element times itself.
  public func squared() -> Value { self * self }
  /// The larger of each two elements; NaN if either is.
  public func maximum(_ other: Value) -> Value { binary(.maximum, other) }
  /// The smaller of each two elements; NaN if either is.
  public func minimum(_ other: Value) -> Value { binary(.minimum, other) }
  /// The larger of each element and a number.
  public func maximum(_ other: Double) -> Value { maximum(filled(with: other)) }
  /// The smaller of each element and a number.
  public func minimum(_ other: Double) -> Value { minimum(filled(with: other)) }
  /// And, of booleans.
  public func logicalAnd(_ other: Value) -> Value { binary(.and, other) }
  /// Or, of booleans.
  public func logicalOr(_ other: Value) -> Value { binary(.or, other) }

  /// Where this value is less: booleans.
  public func less(than other: Value) -> Value { compare(.less, other) }
  /// Where this value is less or equal: booleans.
  public func lessOrEqual(to other: Value) -> Value { compare(.lessOrEqual, other) }
  /// Where both are equal: booleans.
  public func equal(to other: Value) -> Value { compare(.equal, other) }
  /// Where this value is greater: booleans.
  public func greater(than other: Value) -> Value { other.compare(.less, self) }
  /// Where this value is greater or equal: booleans.
  public func greaterOrEqual(to other: Value) -> Value { other.compare(.lessOrEqual, self) }
  /// Where this value is less than a number: booleans.
  public func less(than other: Double) -> Value { less(than: filled(with: other)) }
  /// Where this value is greater than a number: booleans.
  public func greater(than other: Double) -> Value { greater(than: filled(with: other)) }

  /// `whenTrue` where this condition holds, else `whenFalse`; all three of one shape.
  public func select(_ whenTrue: Value, _ whenFalse: Value) -> Value {
    builder.apply(.elementwise(.select), [self, whenTrue, whenFalse])
  }

  /// The same numbers in another element type; see ``ElementwiseOp/convert(_:)``.
  public func convert(to dtype: DType) -> Value {
    dtype == self.dtype ? self : builder.apply(.elementwise(.convert(dtype)), [self])
  }
}

// MARK: - Reduction

extension Value {
  /// The sum over `axes` (all by default; negative axes count from the end).
  public func sum(axes: [Int]? = nil, keepsAxes: Bool = false) -> Value {
    reduce(.sum, axes: axes, keepsAxes: keepsAxes)
  }

  /// The largest element over `axes` (all by default; negative axes count from the end).
  public func max(axes: [Int]? = nil, keepsAxes: Bool = false) -> Value {
    reduce(.maximum, axes: axes, keepsAxes: keepsAxes)
  }

  /// The mean over `axes` (all by default; negative axes count from the end), of floating-point
  /// elements; NaN over no elements.
  public func mean(axes: [Int]? = nil, keepsAxes: Bool = false) -> Value {
    precondition(dtype.isFloatingPoint, "mean is not defined on \(type)")
    let total = sum(axes: axes, keepsAxes: keepsAxes)
    return total * (Double(total.shape.elementCount) / Double(shape.elementCount))
  }

  /// Index (i32) of the first largest element along `axis` (negative counts from the end).
  public func argmax(axis: Int) -> Value {
    builder.apply(.reduction(.argmax(axis: axis < 0 ? axis + shape.rank : axis)), [self])
  }

  private func reduce(_ reduction: Reduction, axes: [Int]?, keepsAxes: Bool) -> Value {
    let normalized = (axes ?? Array(0..<shape.rank)).map { $0 < 0 ? $0 + shape.rank : $0 }.sorted()
    let result = builder.apply(.reduction(.reduce(reduction, axes: normalized)), [self])
    return keepsAxes ? result.reshape(to: shape.keeping(axes: normalized)) : result
  }
}

// MARK: - Contraction

extension Value {
  /// [B..., M, K] x [B..., K, N] -> [B..., M, N] with equal batch axes; flags transpose the last
  /// two axes of an operand.
  public func matmul(
    _ other: Value, transposeA: Bool = false, transposeB: Bool = false
  ) -> Value {
    builder.apply(
      .contraction(.matmul(transposeA: transposeA, transposeB: transposeB)), [self, other])
  }

  /// Cross-correlation of [N, C, H, W] with a weight [O, C / groups, kH, kW].
  public func convolve(_ weight: Value, _ convolution: Convolution) -> Value {
    builder.apply(.contraction(.convolution(convolution)), [self, weight])
  }

  /// The input cotangent of a convolution, from this output cotangent [N, O, oH, oW].
  public func convolutionInputGradient(
    _ weight: Value, _ convolution: Convolution, inputSize: Size2D
  ) -> Value {
    builder.apply(
      .contraction(.convolutionInputGradient(convolution, inputSize: inputSize)), [self, weight])
  }

  /// The weight cotangent of a convolution of this input, from the output cotangent.
  public func convolutionWeightGradient(
    _ cotangent: Value, _ convolution: Convolution, kernelSize: Size2D
  ) -> Value {
    builder.apply(
      .contraction(.convolutionWeightGradient(convolution, kernelSize: kernelSize)),
      [self, cotangent])
  }
}

// MARK: - Window, structural and indexing

extension Value {
  /// Position (i32) of the largest element in each window over [N, C, H, W].
  public func windowArgmax(_ window: Window) -> Value {
    builder.apply(.reduction(.windowArgmax(window)), [self])
  }

  /// Axis i becomes axis `axes[i]` of the result; the other axes repeat.
  public func broadcast(to shape: Shape, axes: [Int]) -> Value {
    builder.apply(.structural(.broadcast(shape, axes: axes)), [self])
  }

  /// NumPy's broadcast: trailing axes aligned, extent 1 repeats.
  public func broadcast(to target: Shape) -> Value {
    if shape == target { return self }
    let offset = target.rank - shape.rank
    precondition(offset >= 0, "\(shape) cannot be broadcast to \(target)")
    let kept = (0..<shape.rank).filter { shape[$0] == target[$0 + offset] }
    for axis in 0..<shape.rank where shape[axis] != target[axis + offset] {
      precondition(shape[axis] == 1, "\(shape) cannot be broadcast to \(target)")
    }
    return reshape(to: Shape(kept.map { shape[$0] }))
      .broadcast(to: target, axes: kept.map { $0 + offset })
  }

  /// The same elements, in row-major order, in another shape of as many.
  public func reshape(to shape: Shape) -> Value {
    shape == self.shape ? self : builder.apply(.structural(.reshape(shape)), [self])
  }

  /// Axis i of the result is axis `permutation[i]` of this value.
  public func transpose(_ permutation: [Int]) -> Value {
    builder.apply(.structural(.transpose(permutation: permutation)), [self])
  }

  /// This value with its last two axes swapped.
  public func matrixTranspose() -> Value {
    var permutation = Array(0..<shape.rank)
    permutation.swapAt(shape.rank - 2, shape.rank - 1)
    return transpose(permutation)
  }

  /// Elements starts, starts + strides, ... below limits, along each axis.
  public func slice(starts: [Int], limits: [Int], strides: [Int]? = nil) -> Value {
    // A stride beyond the extent takes one element, as a stride of the extent does.
    let strides = zip(strides ?? starts.map { _ in 1 }, shape.dimensions).map { stride, extent in
      Swift.min(stride, Swift.max(extent, 1))
    }
    return builder.apply(
      .structural(.slice(starts: starts, limits: limits, strides: strides)), [self])
  }

  /// Elements `range` along one axis.
  public func slice(axis: Int, _ range: Range<Int>) -> Value {
    var starts = [Int](repeating: 0, count: shape.rank)
    var limits = shape.dimensions
    starts[axis] = range.lowerBound
    limits[axis] = range.upperBound
    return slice(starts: starts, limits: limits)
  }

  /// Zeros before, after and between elements along each axis; see ``StructuralOp/pad(low:high:interior:)``.
  public func pad(low: [Int], high: [Int], interior: [Int]? = nil) -> Value {
    let interior = interior ?? [Int](repeating: 0, count: low.count)
    return builder.apply(.structural(.pad(low: low, high: high, interior: interior)), [self])
  }

  /// The values one after another along `axis`; other extents are equal.
  public static func concatenate(_ values: [Value], axis: Int) -> Value {
    precondition(!values.isEmpty, "nothing to concatenate")
    return values.count == 1
      ? values[0] : values[0].builder.apply(.structural(.concatenate(axis: axis)), values)
  }

  /// Rows of this [B, V, D] at indices [B, N]: [B, N, D].
  public func gather(_ indices: Value) -> Value {
    builder.apply(.indexing(.gather), [self, indices])
  }

  /// Sums these updates [B, N, D] into rows `indices` [B, N] of zeros [B, size, D].
  public func scatterAdd(_ indices: Value, size: Int) -> Value {
    builder.apply(.indexing(.scatterAdd(size: size)), [self, indices])
  }
}

extension Value {
  /// Both values broadcast to their common shape by NumPy's rule.
  static func broadcastTogether(_ left: Value, _ right: Value) -> (Value, Value) {
    if left.shape == right.shape { return (left, right) }
    let rank = Swift.max(left.shape.rank, right.shape.rank)
    func extent(_ shape: Shape, _ axis: Int) -> Int {
      let own = axis - (rank - shape.rank)
      return own < 0 ? 1 : shape[own]
    }
    let common = Shape(
      (0..<rank).map { axis in
        let (leftExtent, rightExtent) = (extent(left.shape, axis), extent(right.shape, axis))
        return leftExtent == 1 ? rightExtent : leftExtent
      })
    return (left.broadcast(to: common), right.broadcast(to: common))
  }
}
