extension Value {
  /// exp(x) / Σ exp(x) along `axis` (negative counts from the end): same shape, sums of 1.
  public func softmax(axis: Int = -1) -> Value {
    let exponentials = (self - softmaxShift(axis)).exp()
    // One division per row; the elements are only multiplied, in the derivatives too.
    return exponentials * (1 / exponentials.sum(axes: [axis], keepsAxes: true))
  }

  /// log(softmax(x)) along `axis` (negative counts from the end): same shape.
  public func logSoftmax(axis: Int = -1) -> Value {
    let shifted = self - softmaxShift(axis)
    return shifted - shifted.exp().sum(axes: [axis], keepsAxes: true).log()
  }

  /// log Σ exp(x) along `axis` (negative counts from the end), which is reduced away.
  public func logSumExp(axis: Int = -1) -> Value {
    let shift = softmaxShift(axis)
    let total = (self - shift).exp().sum(axes: [axis], keepsAxes: true).log() + shift
    return total.reshape(to: shape.removing(axes: [axis < 0 ? axis + shape.rank : axis]))
  }

  /// What is subtracted so that the largest exponential lies between 1 and e: the maximum along
  /// `axis`, rounded down.
  ///
  /// Softmax does not depend on the shift, so the shift should cost no derivative graph; `floor`
  /// has no derivative path, which the maximum itself has.
  private func softmaxShift(_ axis: Int) -> Value {
    max(axes: [axis], keepsAxes: true).floor()
  }
}
