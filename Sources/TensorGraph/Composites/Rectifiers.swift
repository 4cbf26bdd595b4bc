extension Value {
  /// max(x, 0). The derivative at 0 is 0, as in PyTorch; the second derivative is 0 everywhere.
  public func relu() -> Value {
    greater(than: 0).select(self, filled(with: 0))
  }

  /// x where positive, else `slope` · x. The derivative at 0 is `slope`, as in PyTorch.
  public func leakyReLU(slope: Double = 0.01) -> Value {
    greater(than: 0).select(self, self * slope)
  }
}
