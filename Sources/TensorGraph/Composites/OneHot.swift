extension Value {
  /// Class indices of any shape [...] as [..., classCount] of `dtype`: 1 at the index, else 0. An
  /// index outside 0 ..< classCount gives zeros.
  public func oneHot(classCount: Int, _ dtype: DType) -> Value {
    precondition(self.dtype.isInteger, "one-hot takes integers, not \(type)")
    let target = Shape(shape.dimensions + [classCount])
    let classes = builder.iota(target, axis: shape.rank, self.dtype)
    return broadcast(to: target, axes: Array(0..<shape.rank)).equal(to: classes).convert(to: dtype)
  }
}
