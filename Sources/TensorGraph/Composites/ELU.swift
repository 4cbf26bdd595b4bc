extension Value {
  /// The exponential linear unit: x where positive, else `alpha` · (eˣ - 1) (Clevert et al. 2015,
  /// arXiv 1511.07289, equation 15). The second derivative jumps at 0.
  public func elu(alpha: Double = 1) -> Value {
    let isPositive = greater(than: 0)
    // The exponential sees no positive argument: an overflow there would turn into NaN when the
    // derivative multiplies it by the zero of the branch not taken.
    let negative = isPositive.select(filled(with: 0), self)
    return isPositive.select(self, alpha * (negative.exp() - 1))
  }
}
