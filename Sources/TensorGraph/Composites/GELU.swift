extension Value {
  /// The Gaussian error linear unit x · Φ(x), with Φ the normal distribution function (Hendrycks
  /// and Gimpel 2016, arXiv 1606.08415, section 2).
  public func gelu() -> Value {
    0.5 * self * (1 + (self * 0.5.squareRoot()).erf())
  }

  /// The approximation 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))) of ``gelu()`` (the same paper,
  /// section 2).
  public func geluTanh() -> Value {
    let inner = (2 / Double.pi).squareRoot() * (self + 0.044715 * (self * self * self))
    return 0.5 * self * (1 + inner.tanh())
  }
}
