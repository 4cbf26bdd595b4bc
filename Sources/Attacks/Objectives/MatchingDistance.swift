import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension MatchingObjective {
  /// The distance between a dummy batch's gradients and the shared ones, without ``weight``: a
  /// scalar. The lists hold the tensors to match, in the model's order, and must not be empty.
  func distance(_ gradients: [Value], _ targets: [Value]) -> Value {
    precondition(
      !gradients.isEmpty && gradients.count == targets.count,
      "no distance between \(gradients.count) and \(targets.count) tensors")
    switch kind {
    case .l2:
      return weightedSum(zip(gradients, targets).map { ($0 - $1).squared().sum() })
    case .l1:
      return weightedSum(zip(gradients, targets).map { ($0 - $1).absolute().sum() })
    case .tag:
      return squaredDistance(gradients, targets)
        + l1Weight * weightedSum(zip(gradients, targets).map { ($0 - $1).absolute().sum() })
    case .cosine:
      return 1 - InnerProducts(gradients, targets).cosine
    case .maskedCosine:
      let masked = zip(gradients, targets).map { gradient, target in
        let isLarge = target.absolute().greater(than: maskBelow)
        let zero = target.filled(with: 0)
        return (isLarge.select(gradient, zero), isLarge.select(target, zero))
      }
      return 1 - InnerProducts(masked.map(\.0), masked.map(\.1)).cosine
    case .layerCosine:
      let losses = zip(gradients, targets).map { 1 - InnerProducts([$0], [$1]).cosine }
      return weightedSum(losses) / factors(losses.count).reduce(0, +)
    case .angular:
      return InnerProducts(gradients, targets).cosine.arcCosine() / Double.pi
    }
  }

  /// ‖G' - G‖² from inner products that ``distance(_:_:)`` computes anyway, where these leave the
  /// gradients themselves out; else nil.
  func squaredDistanceFromProducts(_ gradients: [Value], _ targets: [Value]) -> Value? {
    guard kind.comparesDirections else { return nil }
    let products = InnerProducts(gradients, targets)
    return products.areFactored ? products.squaredDistance : nil
  }

  /// wₗ of each of `count` tensors.
  private func factors(_ count: Int) -> [Double] {
    (0..<count).map { layer in
      switch layerWeights {
      case .equal: 1
      case .linear: Double(count - layer) / Double(count)
      case .exponential: exp(-Double(layer))
      }
    }
  }

  private func weightedSum(_ terms: [Value]) -> Value {
    let weighted = zip(terms, factors(terms.count)).map { $0 * $1 }
    return weighted.dropFirst().reduce(weighted[0], +)
  }
}

extension Value {
  /// The angle in 0...π whose cosine this is, from smooth primitives.
  ///
  /// Clamped to ±(1 - 1e-7), where the derivative would be infinite: there it is 0 instead.
  func arcCosine() -> Value {
    let cosine = minimum(1 - 1e-7).maximum(-1 + 1e-7)
    // With unit vectors u and v: |u - v| = 2 sin(θ / 2) and |u + v| = 2 cos(θ / 2), so that
    // tan(θ / 4) = |u - v| / (2 + |u + v|), which is at most 1.
    let tangent = (2 - 2 * cosine).sqrt() / (2 + (2 + 2 * cosine).sqrt())
    return 4 * tangent.arcTangent()
  }

  /// atan x for |x| <= 1: the argument is halved three times, then Taylor's series has the last digit
  /// of f64 in nine terms.
  private func arcTangent() -> Value {
    var x = self
    for _ in 0..<3 { x = x / (1 + (1 + x.squared()).sqrt()) }
    let square = x.squared()
    var series = filled(with: 1.0 / 19)
    for denominator in stride(from: 17.0, through: 1, by: -2) {
      series = 1 / denominator - square * series
    }
    return 8 * x * series
  }
}
