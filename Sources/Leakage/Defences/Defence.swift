/// One thing that a client does to its images, its model or its update before it shares it.
///
/// Written as `name:parameters`, such as `gaussian:1e-2` or `dp-sgd:1,1.1`; ``DefenceForm`` lists the
/// names with their sources. Noise is given by its **variance**, as in the DLG paper (Zhu et al. 2019,
/// section 5.1), not by its standard deviation.
public enum Defence: Hashable, Sendable {
  /// Adds normal noise of this variance to every shared number.
  case gaussian(variance: Double)
  /// Adds Laplacian noise of this variance (scale √(variance / 2)) to every shared number.
  case laplacian(variance: Double)
  /// Leaves out this share of each tensor: the numbers of smallest magnitude.
  case prune(share: Double)
  /// Shares only this share of the whole update: the numbers of largest magnitude.
  case topK(share: Double)
  /// Shares only this share of the whole update, chosen at random.
  case randomK(share: Double)
  /// Shares this share of each tensor, and keeps the rest, with momentum, for later rounds.
  case deepGradientCompression(share: Double, momentum: Double)
  /// Rounds to a shorter floating-point type.
  case rounding(FloatFormat)
  /// Rounds to 256 levels between each tensor's least and greatest number.
  case int8(isStochastic: Bool)
  /// QSGD: stochastic rounding to this many levels of each tensor's norm.
  case qsgd(levels: Int)
  /// TernGrad: -1, 0 or 1 times each tensor's greatest magnitude.
  case ternGrad
  /// The signs alone.
  case signSGD
  /// Scales the whole update down to at most this norm.
  case clip(norm: Double)
  /// Clips each example's gradient to `norm`, and adds normal noise of standard deviation
  /// `noiseMultiplier` · `norm` to their sum.
  case dpSGD(norm: Double, noiseMultiplier: Double)
  /// Does not share the model's first tensors, so many of them, but always the last.
  case freeze(tensors: Int)
  /// Leaves this share of the features that the last layer reads out of its weight's gradient.
  case soteria(share: Double)
  /// Trains low-rank adapters of this rank instead of the weights.
  case adapters(rank: Int)
  /// Puts a variational bottleneck of this size before the last layer, and trains it too.
  case bottleneck(size: Int)
  /// Transforms each image by a policy of the automatic transformation search.
  case transform(TransformPolicy)
  /// Mixes each image and its label with another's, by shares from Beta(concentration, concentration).
  case mixup(concentration: Double)
  /// Mixes so many images, and changes the sign of each pixel at random.
  case instaHide(count: Int)
  /// Shares the sum of so many clients' updates only.
  case secureAggregation(clients: Int)
}

extension Defence {
  /// The numbers of the short form, in its order.
  var values: [Double] {
    switch self {
    case .gaussian(let variance), .laplacian(let variance): [variance]
    case .prune(let share), .topK(let share), .randomK(let share): [share]
    case .deepGradientCompression(let share, let momentum): [share, momentum]
    case .rounding, .int8, .ternGrad, .signSGD: []
    case .qsgd(let levels): [Double(levels)]
    case .clip(let norm): [norm]
    case .dpSGD(let norm, let noiseMultiplier): [norm, noiseMultiplier]
    case .freeze(let tensors): [Double(tensors)]
    case .soteria(let share): [share]
    case .adapters(let rank): [Double(rank)]
    case .bottleneck(let size): [Double(size)]
    case .transform: []
    case .mixup(let concentration): [concentration]
    case .instaHide(let count): [Double(count)]
    case .secureAggregation(let clients): [Double(clients)]
    }
  }

  /// The name of the short form.
  public var name: String {
    switch self {
    case .gaussian: "gaussian"
    case .laplacian: "laplacian"
    case .prune: "prune"
    case .topK: "top-k"
    case .randomK: "random-k"
    case .deepGradientCompression: "dgc"
    case .rounding(let format): format.rawValue
    case .int8(let isStochastic): isStochastic ? "int8-stochastic" : "int8"
    case .qsgd: "qsgd"
    case .ternGrad: "terngrad"
    case .signSGD: "signsgd"
    case .clip: "clip"
    case .dpSGD: "dp-sgd"
    case .freeze: "freeze"
    case .soteria: "soteria"
    case .adapters: "lora"
    case .bottleneck: "precode"
    case .transform: "transform"
    case .mixup: "mixup"
    case .instaHide: "instahide"
    case .secureAggregation: "secure-aggregation"
    }
  }

  /// The number of the short form that strengths differ in, for tables and curves: the first, but of
  /// DP-SGD the noise; nil without one.
  public var strength: Double? {
    if case .dpSGD(_, let noiseMultiplier) = self { return noiseMultiplier }
    return values.first
  }
}

extension Defence: CustomStringConvertible {
  /// The short form, which ``init(_:)`` reads back.
  public var description: String {
    if case .transform(let policy) = self { return "\(name):\(policy)" }
    guard !values.isEmpty else { return name }
    return name + ":" + values.map(shortNumber).joined(separator: ",")
  }
}

/// A number as a person would write it: `20` and `0.3`, and `1e-05` without its leading zero.
func shortNumber(_ value: Double) -> String {
  if let whole = Int(exactly: value), abs(whole) < 1_000_000 { return String(whole) }
  return "\(value)".replacing("e-0", with: "e-")
}
