extension Value {
  /// The sigmoid linear unit x · sigmoid(x), also called swish (Elfwing et al. 2017, arXiv
  /// 1702.03118, section 2).
  public func silu() -> Value {
    self * sigmoid()
  }
}
