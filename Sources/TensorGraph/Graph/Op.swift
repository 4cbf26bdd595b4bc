/// A primitive operator: the closed vocabulary of every graph.
///
/// Shape rules, derivative rules, interpreter and backends each `switch` over it without a
/// `default`, so an operator without a rule does not compile. Families stand in the same order
/// everywhere: sources, elementwise, reduction, contraction, window, structural, indexing.
/// Everything else (softmax, layer norm, cross entropy, pooling) is a composite of these.
public enum Op: Hashable, Sendable {
  // MARK: Sources

  /// A value the caller binds before the graph runs; `index` counts the graph's inputs.
  case input(index: Int, TensorType)
  /// A scalar known when the graph is built; it must be a number of the type (0 or 1 for `bool`).
  case constant(Double, DType)
  /// The index along `axis`: element at (i0, i1, ...) is i_axis.
  case iota(TensorType, axis: Int)

  // MARK: Elementwise (operands and result have one shape)

  case unary(UnaryOp)
  case binary(BinaryOp)
  /// Result is `bool`.
  case compare(Comparison)
  /// Operands (condition: bool, whenTrue, whenFalse).
  case select
  /// Converts between element types; float to integer truncates towards zero and clamps to the
  /// integer's range, NaN becoming 0; to `bool` is true for all but 0.
  case convert(DType)

  // MARK: Reduction

  /// Reduces the given axes (ascending, distinct) away.
  case reduce(Reduction, axes: [Int])
  /// Index (i32) of the first largest element along `axis`, which is reduced away. NaN counts as
  /// the largest.
  case argmax(axis: Int)

  // MARK: Contraction

  /// [B..., M, K] x [B..., K, N] -> [B..., M, N]; a flag says that operand is stored with its last
  /// two axes swapped. The batch axes are equal.
  case matmul(transposeA: Bool, transposeB: Bool)
  /// Cross-correlation: input [N, C, H, W], weight [O, C / groups, kH, kW] -> [N, O, oH, oW].
  case convolution(Convolution)
  /// Transpose of `convolution` in its input: (cotangent [N, O, oH, oW], weight) -> [N, C, H, W].
  case convolutionInputGradient(Convolution, inputSize: Size2D)
  /// Transpose of `convolution` in its weight: (input, cotangent) -> [O, C / groups, kH, kW].
  case convolutionWeightGradient(Convolution, kernelSize: Size2D)

  // MARK: Window

  /// For each window over the last two axes of [N, C, H, W]: the position h * W + w (i32) of the
  /// first largest element (NaN counts as the largest), or -1 when the window lies in the padding
  /// entirely.
  case windowArgmax(Window)

  // MARK: Structural

  /// Operand axis i becomes result axis `axes[i]` (ascending); other result axes repeat.
  case broadcast(Shape, axes: [Int])
  case reshape(Shape)
  /// Result axis i is operand axis `permutation[i]`.
  case transpose(permutation: [Int])
  /// Elements starts, starts + strides, ... below limits, along each axis. A stride is at least 1 and
  /// at most the axis's extent (or 1).
  case slice(starts: [Int], limits: [Int], strides: [Int])
  /// Zeros before (`low`), after (`high`) and between (`interior`) elements; negative low and high
  /// remove elements (after the interior padding is in).
  case pad(low: [Int], high: [Int], interior: [Int])
  case concatenate(axis: Int)

  // MARK: Indexing

  /// (operand [B, V, D], indices [B, N] of integers) -> [B, N, D]: row `indices[b, n]` of batch b.
  /// A row outside 0 ..< V reads as zeros.
  case gather
  /// Transpose of `gather`: (updates [B, N, D], indices [B, N]) -> [B, size, D], summing updates
  /// that share a row; rows outside 0 ..< size are dropped.
  case scatterAdd(size: Int)
}

/// Elementwise functions of one operand.
public enum UnaryOp: String, Hashable, Sendable, CaseIterable {
  case negate
  case absolute
  /// -1, 0 or 1.
  case sign
  case floor
  case exp
  case log
  case log1p
  case sqrt
  case rsqrt
  case sin
  case cos
  case tanh
  /// The logistic function 1 / (1 + e^-x).
  case sigmoid
  case erf
  /// Logical not, on `bool`.
  case not
}

/// Elementwise functions of two operands.
public enum BinaryOp: String, Hashable, Sendable, CaseIterable {
  case add
  case subtract
  case multiply
  /// On integers truncated towards zero, and 0 for a divisor of 0.
  case divide
  case power
  /// The larger; NaN if either is.
  case maximum
  /// The smaller; NaN if either is.
  case minimum
  /// Logical and, on `bool`.
  case and
  /// Logical or, on `bool`.
  case or
}

/// Elementwise comparisons.
public enum Comparison: String, Hashable, Sendable, CaseIterable {
  case less
  case lessOrEqual
  case equal
}

/// Reductions over axes. The maximum is NaN if any element is; that of no elements is -infinity (the
/// smallest number of an integer type). The sum of no elements is 0.
public enum Reduction: String, Hashable, Sendable, CaseIterable {
  case sum
  case maximum
}

/// A height and a width.
public struct Size2D: Hashable, Sendable, CustomStringConvertible {
  public let height: Int
  public let width: Int

  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  public var description: String { "\(height)x\(width)" }
}

/// Rows and columns added around an image; none is negative.
public struct Padding2D: Hashable, Sendable, CustomStringConvertible {
  public let top: Int
  public let bottom: Int
  public let left: Int
  public let right: Int

  public init(top: Int, bottom: Int, left: Int, right: Int) {
    self.top = top
    self.bottom = bottom
    self.left = left
    self.right = right
  }

  /// The same padding on all sides.
  public init(_ amount: Int) {
    self.init(top: amount, bottom: amount, left: amount, right: amount)
  }

  public var description: String { "\(top),\(bottom),\(left),\(right)" }
}

/// The attributes of a two-dimensional convolution.
public struct Convolution: Hashable, Sendable {
  public let strides: Size2D
  public let padding: Padding2D
  public let dilations: Size2D
  public let groups: Int

  public init(
    strides: Size2D = Size2D(1, 1), padding: Padding2D = Padding2D(0),
    dilations: Size2D = Size2D(1, 1), groups: Int = 1
  ) {
    self.strides = strides
    self.padding = padding
    self.dilations = dilations
    self.groups = groups
  }

  /// Extent of the output, or nil when the dilated kernel is larger than the padded input, or an
  /// attribute is out of range.
  public func outputSize(input: Size2D, kernel: Size2D) -> Size2D? {
    Window(size: kernel, strides: strides, padding: padding, dilations: dilations)
      .outputSize(input: input)
  }
}

/// The attributes of a two-dimensional sliding window.
public struct Window: Hashable, Sendable {
  public let size: Size2D
  public let strides: Size2D
  public let padding: Padding2D
  public let dilations: Size2D

  public init(
    size: Size2D, strides: Size2D, padding: Padding2D = Padding2D(0),
    dilations: Size2D = Size2D(1, 1)
  ) {
    self.size = size
    self.strides = strides
    self.padding = padding
    self.dilations = dilations
  }

  /// Bound on sizes, strides, dilations and paddings; keeps window arithmetic far from overflow.
  static let largestAttribute = 1 << 24
  /// Bound on the extents of the image, for the same reason.
  static let largestExtent = 1 << 40

  /// Number of window positions, or nil when the dilated window is larger than the padded input, or
  /// an attribute is out of range.
  public func outputSize(input: Size2D) -> Size2D? {
    let height = Window.positions(
      input.height, padding.top, padding.bottom, size.height, strides.height, dilations.height)
    let width = Window.positions(
      input.width, padding.left, padding.right, size.width, strides.width, dilations.width)
    guard let height, let width else { return nil }
    return Size2D(height, width)
  }

  private static func positions(
    _ extent: Int, _ low: Int, _ high: Int, _ size: Int, _ stride: Int, _ dilation: Int
  ) -> Int? {
    guard (0...largestExtent).contains(extent),
      [low, high].allSatisfy((0...largestAttribute).contains),
      [size, stride, dilation].allSatisfy((1...largestAttribute).contains)
    else { return nil }
    let room = extent + low + high - dilation * (size - 1)
    return room >= 1 ? (room - 1) / stride + 1 : nil
  }
}
