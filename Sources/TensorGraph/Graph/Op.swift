/// A primitive operator: the closed vocabulary of every graph, in families.
///
/// What works alike for a whole family (a shape rule, a derivative) is a function of the family that
/// switches over it; what does not care about its members takes the family as one. Neither has a
/// `default`, so an operator without a rule does not compile. Families stand in the same order
/// everywhere. Everything else (softmax, layer norm, cross entropy, pooling) is a composite of these.
public enum Op: Hashable, Sendable {
  /// A value the caller binds before the graph runs; `index` counts the graph's inputs.
  case input(index: Int, TensorType)
  /// A scalar known when the graph is built; it must be a number of the type (0 or 1 for `bool`).
  case constant(Double, DType)
  /// The index along `axis`: element at (i0, i1, ...) is i_axis.
  case iota(TensorType, axis: Int)
  case elementwise(ElementwiseOp)
  case reduction(ReductionOp)
  case contraction(ContractionOp)
  case structural(StructuralOp)
  case indexing(IndexingOp)
}

/// Operators whose operands and result have one shape: element by element.
public enum ElementwiseOp: Hashable, Sendable {
  case unary(UnaryOp)
  case binary(BinaryOp)
  /// Result is `bool`.
  case compare(Comparison)
  /// Operands (condition: bool, whenTrue, whenFalse).
  case select
  /// Converts between element types; float to integer truncates towards zero and clamps to the
  /// integer's range, NaN becoming 0; to `bool` is true for all but 0.
  case convert(DType)
}

/// Operators of one operand that reduce its axes, or windows over them.
public enum ReductionOp: Hashable, Sendable {
  /// Reduces the given axes (ascending, distinct) away.
  case reduce(Reduction, axes: [Int])
  /// Index (i32) of the first largest element along `axis`, which is reduced away. NaN counts as
  /// the largest.
  case argmax(axis: Int)
  /// For each window over the last two axes of [N, C, H, W]: the position h * W + w (i32) of the
  /// first largest element (NaN counts as the largest), or -1 when the window lies in the padding
  /// entirely.
  case windowArgmax(Window)
}

/// Sums of products, linear in each of two floating-point operands.
public enum ContractionOp: Hashable, Sendable {
  /// [B..., M, K] x [B..., K, N] -> [B..., M, N]; a flag says that operand is stored with its last
  /// two axes swapped. The batch axes are equal.
  case matmul(transposeA: Bool, transposeB: Bool)
  /// Cross-correlation: input [N, C, H, W], weight [O, C / groups, kH, kW] -> [N, O, oH, oW].
  case convolution(Convolution)
  /// Transpose of `convolution` in its input: (cotangent [N, O, oH, oW], weight) -> [N, C, H, W].
  case convolutionInputGradient(Convolution, inputSize: Size2D)
  /// Transpose of `convolution` in its weight: (input, cotangent) -> [O, C / groups, kH, kW].
  case convolutionWeightGradient(Convolution, kernelSize: Size2D)
}

/// Operators that move elements, and compute none: linear in all operands together.
public enum StructuralOp: Hashable, Sendable {
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
}

/// Operators that read or write rows named by their second operand; linear in the first.
public enum IndexingOp: Hashable, Sendable {
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
