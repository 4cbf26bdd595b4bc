extension Value {
  /// A fully connected layer: [..., in] with weight [out, in] and bias [out] -> [..., out], the
  /// layout of PyTorch's `Linear`.
  public func linear(weight: Value, bias: Value? = nil) -> Value {
    precondition(
      shape.rank >= 1 && weight.shape.rank == 2 && shape.dimensions.last == weight.shape[1],
      "linear: input \(shape) does not fit weight \(weight.shape)")
    // One product of matrices, whatever the axes before the last.
    let rows = shape.dimensions.dropLast().reduce(1, *)
    let product = reshape(to: [rows, weight.shape[1]]).matmul(weight, transposeB: true)
    let biased = bias.map { product + $0 } ?? product
    return biased.reshape(to: Shape(shape.dimensions.dropLast() + [weight.shape[0]]))
  }
}
