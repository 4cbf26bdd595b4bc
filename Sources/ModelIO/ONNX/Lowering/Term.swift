import TensorGraph

/// A value of the graph under construction whose operators throw where ``Value``'s trap.
///
/// Broadcasting follows NumPy, as in ONNX. Both operands of a binary operator have one element type.
struct Term {
  let value: Value
  let emission: Emission

  var shape: Shape { value.shape }
  var dtype: DType { value.dtype }
  var rank: Int { value.shape.rank }
}

// MARK: - Elementwise

extension Term {
  func unary(_ op: UnaryOp) throws(ONNXError) -> Term {
    try emission.add(.elementwise(.unary(op)), [self])
  }

  func binary(_ op: BinaryOp, _ other: Term) throws(ONNXError) -> Term {
    let (left, right) = try Term.broadcastTogether(self, other)
    return try emission.add(.elementwise(.binary(op)), [left, right])
  }

  func compare(_ comparison: Comparison, _ other: Term) throws(ONNXError) -> Term {
    let (left, right) = try Term.broadcastTogether(self, other)
    return try emission.add(.elementwise(.compare(comparison)), [left, right])
  }

  /// A tensor like this one whose elements are all `value`.
  func filled(_ value: Double) throws(ONNXError) -> Term {
    try emission.constant(value, shape, dtype)
  }

  static func + (lhs: Term, rhs: Term) throws(ONNXError) -> Term { try lhs.binary(.add, rhs) }
  static func - (lhs: Term, rhs: Term) throws(ONNXError) -> Term { try lhs.binary(.subtract, rhs) }
  static func * (lhs: Term, rhs: Term) throws(ONNXError) -> Term { try lhs.binary(.multiply, rhs) }
  static func / (lhs: Term, rhs: Term) throws(ONNXError) -> Term { try lhs.binary(.divide, rhs) }
  static func + (lhs: Term, rhs: Double) throws(ONNXError) -> Term { try lhs + lhs.filled(rhs) }
  static func - (lhs: Term, rhs: Double) throws(ONNXError) -> Term { try lhs - lhs.filled(rhs) }
  static func * (lhs: Term, rhs: Double) throws(ONNXError) -> Term { try lhs * lhs.filled(rhs) }
  static func / (lhs: Term, rhs: Double) throws(ONNXError) -> Term { try lhs / lhs.filled(rhs) }
  static func + (lhs: Double, rhs: Term) throws(ONNXError) -> Term { try rhs.filled(lhs) + rhs }
  static func - (lhs: Double, rhs: Term) throws(ONNXError) -> Term { try rhs.filled(lhs) - rhs }
  static func * (lhs: Double, rhs: Term) throws(ONNXError) -> Term { try rhs.filled(lhs) * rhs }
  static func / (lhs: Double, rhs: Term) throws(ONNXError) -> Term { try rhs.filled(lhs) / rhs }

  func negated() throws(ONNXError) -> Term { try unary(.negate) }
  func absolute() throws(ONNXError) -> Term { try unary(.absolute) }
  func exp() throws(ONNXError) -> Term { try unary(.exp) }
  func log() throws(ONNXError) -> Term { try unary(.log) }
  func sqrt() throws(ONNXError) -> Term { try unary(.sqrt) }
  func floor() throws(ONNXError) -> Term { try unary(.floor) }
  func ceil() throws(ONNXError) -> Term { try negated().floor().negated() }
  func squared() throws(ONNXError) -> Term { try self * self }
  func maximum(_ other: Term) throws(ONNXError) -> Term { try binary(.maximum, other) }
  func minimum(_ other: Term) throws(ONNXError) -> Term { try binary(.minimum, other) }
  func maximum(_ other: Double) throws(ONNXError) -> Term { try maximum(filled(other)) }
  func minimum(_ other: Double) throws(ONNXError) -> Term { try minimum(filled(other)) }

  func less(_ other: Term) throws(ONNXError) -> Term { try compare(.less, other) }
  func less(_ other: Double) throws(ONNXError) -> Term { try compare(.less, filled(other)) }
  func greater(_ other: Term) throws(ONNXError) -> Term { try other.compare(.less, self) }
  func greater(_ other: Double) throws(ONNXError) -> Term { try filled(other).compare(.less, self) }
  func equal(_ other: Term) throws(ONNXError) -> Term {
    // Booleans have no comparison; as integers they do.
    guard dtype == .bool, other.dtype == .bool else { return try compare(.equal, other) }
    return try converted(.i32).compare(.equal, other.converted(.i32))
  }
  func equal(_ other: Double) throws(ONNXError) -> Term { try equal(filled(other)) }
  func not() throws(ONNXError) -> Term { try unary(.not) }
  func and(_ other: Term) throws(ONNXError) -> Term { try binary(.and, other) }
  func or(_ other: Term) throws(ONNXError) -> Term { try binary(.or, other) }

  /// `whenTrue` where this condition holds, else `whenFalse`, all broadcast together.
  func select(_ whenTrue: Term, _ whenFalse: Term) throws(ONNXError) -> Term {
    let common = try Shape.broadcast([shape, whenTrue.shape, whenFalse.shape])
    return try emission.add(
      .elementwise(.select),
      [
        try broadcast(to: common), try whenTrue.broadcast(to: common),
        try whenFalse.broadcast(to: common),
      ])
  }

  func converted(_ dtype: DType) throws(ONNXError) -> Term {
    dtype == self.dtype ? self : try emission.add(.elementwise(.convert(dtype)), [self])
  }
}

// MARK: - Reduction and contraction

extension Term {
  func reduce(
    _ reduction: Reduction, axes: [Int], keepsAxes: Bool = false
  ) throws(ONNXError) -> Term {
    let axes = axes.sorted()
    let result =
      axes.isEmpty ? self : try emission.add(.reduction(.reduce(reduction, axes: axes)), [self])
    return keepsAxes ? try result.reshape(shape.keeping(axes: axes)) : result
  }

  func sum(axes: [Int], keepsAxes: Bool = false) throws(ONNXError) -> Term {
    try reduce(.sum, axes: axes, keepsAxes: keepsAxes)
  }

  func max(axes: [Int], keepsAxes: Bool = false) throws(ONNXError) -> Term {
    try reduce(.maximum, axes: axes, keepsAxes: keepsAxes)
  }

  func mean(axes: [Int], keepsAxes: Bool = false) throws(ONNXError) -> Term {
    let total = try sum(axes: axes, keepsAxes: keepsAxes)
    return try total * (Double(total.shape.elementCount) / Double(shape.elementCount))
  }

  /// (x - mean) / √(variance + epsilon) over `axes`.
  func normalized(axes: [Int], epsilon: Double) throws(ONNXError) -> Term {
    let centered = try self - mean(axes: axes, keepsAxes: true)
    let variance = try centered.squared().mean(axes: axes, keepsAxes: true)
    return try centered * (variance + epsilon).unary(.rsqrt)
  }

  func argmax(axis: Int) throws(ONNXError) -> Term {
    try emission.add(.reduction(.argmax(axis: axis)), [self])
  }

  /// The product of matrices in the last two axes; the axes before are broadcast.
  func matmul(
    _ other: Term, transposeA: Bool = false, transposeB: Bool = false
  ) throws(ONNXError) -> Term {
    guard rank >= 2, other.rank >= 2 else {
      throw ONNXError(.malformed, "a product of \(shape) and \(other.shape) needs matrices")
    }
    // One product of matrices, whatever the axes before the last, when the right side is one.
    if other.rank == 2, rank > 2, !transposeA {
      let rows = shape.dimensions.dropLast().reduce(1, *)
      let flat = try reshape([rows, shape[rank - 1]]).matmul(other, transposeB: transposeB)
      return try flat.reshape(Shape(checking: shape.dimensions.dropLast() + [flat.shape[1]]))
    }
    let batch = try Shape.broadcast([
      Shape(Array(shape.dimensions.dropLast(2))), Shape(Array(other.shape.dimensions.dropLast(2))),
    ]).dimensions
    let left = try broadcast(to: Shape(checking: batch + shape.dimensions.suffix(2)))
    let right = try other.broadcast(to: Shape(checking: batch + other.shape.dimensions.suffix(2)))
    return try emission.add(
      .contraction(.matmul(transposeA: transposeA, transposeB: transposeB)), [left, right])
  }
}

// MARK: - Structure

extension Term {
  func reshape(_ shape: Shape) throws(ONNXError) -> Term {
    shape == self.shape ? self : try emission.add(.structural(.reshape(shape)), [self])
  }

  func reshape(_ dimensions: [Int]) throws(ONNXError) -> Term {
    try reshape(Shape(checking: dimensions))
  }

  /// NumPy's broadcast: trailing axes aligned, extent 1 repeats.
  func broadcast(to target: Shape) throws(ONNXError) -> Term {
    if shape == target { return self }
    let offset = target.rank - rank
    guard offset >= 0,
      (0..<rank).allSatisfy({ shape[$0] == target[$0 + offset] || shape[$0] == 1 })
    else {
      throw ONNXError(.malformed, "shape \(shape) cannot be broadcast to \(target)")
    }
    let kept = (0..<rank).filter { shape[$0] == target[$0 + offset] }
    return try emission.add(
      .structural(.broadcast(target, axes: kept.map { $0 + offset })),
      [try reshape(Shape(kept.map { shape[$0] }))])
  }

  func transpose(_ permutation: [Int]) throws(ONNXError) -> Term {
    permutation == Array(0..<rank)
      ? self : try emission.add(.structural(.transpose(permutation: permutation)), [self])
  }

  func slice(
    starts: [Int], limits: [Int], strides: [Int]? = nil
  ) throws(ONNXError) -> Term {
    let strides = zip(strides ?? starts.map { _ in 1 }, shape.dimensions).map { stride, extent in
      Swift.min(stride, Swift.max(extent, 1))
    }
    return try emission.add(
      .structural(.slice(starts: starts, limits: limits, strides: strides)), [self])
  }

  /// Elements `range` along one axis.
  func slice(axis: Int, _ range: Range<Int>) throws(ONNXError) -> Term {
    var starts = [Int](repeating: 0, count: rank)
    var limits = shape.dimensions
    starts[axis] = range.lowerBound
    limits[axis] = range.upperBound
    return try slice(starts: starts, limits: limits)
  }

  func pad(low: [Int], high: [Int], interior: [Int]? = nil) throws(ONNXError) -> Term {
    let interior = interior ?? [Int](repeating: 0, count: low.count)
    // Booleans and integers have zeros as well.
    return try emission.add(.structural(.pad(low: low, high: high, interior: interior)), [self])
  }

  static func concatenate(_ terms: [Term], axis: Int) throws(ONNXError) -> Term {
    guard let first = terms.first else { throw ONNXError(.malformed, "nothing to concatenate") }
    return terms.count == 1
      ? first : try first.emission.add(.structural(.concatenate(axis: axis)), terms)
  }

  /// Refuses lists of positions that take much memory.
  func checkPositions(_ count: Int) throws(ONNXError) {
    guard count <= emission.limits.maximumConstantElements else {
      throw ONNXError(.tooLarge, "a list of \(count) positions is too long")
    }
  }

  /// The elements along `axis` at constant positions, in that order.
  func taking(_ positions: [Int], axis: Int) throws(ONNXError) -> Term {
    if positions.count == shape[axis], positions.elementsEqual(0..<shape[axis]) { return self }
    let index = HostTensor(positions)
    return try gatherRows(emission.term(Operand(index)), axis: axis)
  }

  /// Entries along `axis` at `indices` (a vector of integers, none negative); they take its place.
  func gatherRows(_ indices: Term, axis: Int) throws(ONNXError) -> Term {
    let outer = shape.dimensions[..<axis].reduce(1, *)
    let inner = shape.dimensions[(axis + 1)...].reduce(1, *)
    let isBool = dtype == .bool
    let operand = isBool ? try converted(.i32) : self
    let count = indices.shape.elementCount
    // One batch whenever the axis is first: an embedding's gradient is then one scatter.
    let rows = try operand.reshape([outer, shape[axis], inner])
      .gather(indices.reshape([1, count]).broadcast(to: Shape(checking: [outer, count])))
    var dimensions = shape.dimensions
    dimensions[axis] = count
    let result = try rows.reshape(dimensions)
    return isBool ? try result.converted(.bool) : result
  }

  /// Rows of this [B, V, D] at indices [B, N]: [B, N, D].
  func gather(_ indices: Term) throws(ONNXError) -> Term {
    try emission.add(.indexing(.gather), [self, indices])
  }

  /// Sums these updates [B, N, D] into rows `indices` [B, N] of zeros [B, size, D].
  func scatterAdd(_ indices: Term, size: Int) throws(ONNXError) -> Term {
    try emission.add(.indexing(.scatterAdd(size: size)), [self, indices])
  }

  static func broadcastTogether(_ left: Term, _ right: Term) throws(ONNXError) -> (Term, Term) {
    if left.shape == right.shape { return (left, right) }
    let common = try Shape.broadcast([left.shape, right.shape])
    return (try left.broadcast(to: common), try right.broadcast(to: common))
  }
}

extension Shape {
  /// The common shape by NumPy's rule.
  static func broadcast(_ shapes: [Shape]) throws(ONNXError) -> Shape {
    let rank = shapes.map(\.rank).max() ?? 0
    var extents = [Int](repeating: 1, count: rank)
    for shape in shapes {
      for (axis, extent) in shape.dimensions.enumerated() where extent != 1 {
        let target = axis + rank - shape.rank
        guard extents[target] == 1 || extents[target] == extent else {
          throw ONNXError(
            .malformed,
            "shapes \(shapes.map(\.description).joined(separator: " and ")) do not broadcast "
              + "together")
        }
        extents[target] = extent
      }
    }
    return try Shape(checking: extents)
  }
}
