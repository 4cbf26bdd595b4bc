extension Value {
  /// log(1 + eˣ), the smooth form of ``relu()``: twice differentiable, with the logistic function as
  /// its derivative.
  ///
  /// Neither overflows for large x nor loses small results for very negative x, and derivatives of
  /// every order are exact everywhere, 0 included: it is written as a log-sum-exp of x and 0 whose
  /// shift has no derivative path, where max(x, 0) + log1p(exp(-|x|)) would have none at its kink.
  public func softplus() -> Value {
    let shift = maximum(0).floor()
    // Below 1 the shift is 0 and this is log1p(exp(x)), accurate however small the result.
    return shift + ((self - shift).exp() + ((-shift).exp() - 1)).log1p()
  }
}
