/// The distribution a parameter's elements start from: PyTorch's formulas. Equal in distribution to
/// PyTorch's values, not in bits.
public enum Initializer: Hashable, Sendable {
  /// All elements the same.
  case constant(Double)
  /// Uniform in -bound ..< bound.
  case uniform(bound: Double)
  /// Normal around 0.
  case normal(standardDeviation: Double)
  /// Normal around 0, drawn again while outside -bound ... bound.
  case truncatedNormal(standardDeviation: Double, bound: Double)

  /// 0 everywhere.
  public static let zeros = Initializer.constant(0)
  /// 1 everywhere.
  public static let ones = Initializer.constant(1)

  /// What PyTorch's `Linear` and `Conv` layers draw weights and biases from: Kaiming uniform with
  /// a = √5, whose bound is √(6 / ((1 + a²) fanIn)) = 1 / √fanIn (He et al. 2015, arXiv 1502.01852,
  /// section 2.2, and `torch.nn.Linear.reset_parameters`).
  ///
  /// - Parameter fanIn: number of inputs that each output sums, at least 1.
  public static func kaimingUniform(fanIn: Int) -> Initializer {
    precondition(fanIn >= 1, "a layer with \(fanIn) inputs has no Kaiming bound")
    return .uniform(bound: 1 / Double(fanIn).squareRoot())
  }

  /// Kaiming normal for ReLU: standard deviation √(2 / fan) (He et al. 2015, equation 10 for the
  /// fan-in, 14 for the fan-out).
  public static func kaimingNormal(fan: Int) -> Initializer {
    precondition(fan >= 1, "a layer with fan \(fan) has no Kaiming deviation")
    return .normal(standardDeviation: (2 / Double(fan)).squareRoot())
  }
}
