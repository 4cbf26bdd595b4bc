extension UpdateInTransit {
  /// Rounds each tensor's numbers to 256 equally spaced levels from its least to its greatest: the
  /// nearest one, or at random the one above or below so that the mean is right.
  mutating func quantizeToInt8(isStochastic: Bool, using source: inout RandomSource) {
    changeParts { part in
      guard let least = part.values.min(), let greatest = part.values.max() else { return }
      let step = (greatest - least) / 255
      guard step > 0, step.isFinite else { return }
      for index in part.values.indices {
        let level = (part.values[index] - least) / step
        let chosen =
          isStochastic ? source.stochasticallyRounded(level) : level.rounded(.toNearestOrEven)
        part.values[index] = least + min(max(chosen, 0), 255) * step
      }
      part.noiseVariance += step * step / (isStochastic ? 6 : 12)
    }
    wire.setValues(bits: 8, tensorOverhead: 8)
  }

  /// ‖v‖ sign(vᵢ) ξᵢ / s, ξᵢ being s |vᵢ| / ‖v‖ rounded at random (Alistarh et al. 2017, equation 3.1),
  /// with each tensor as a bucket.
  mutating func quantizeByNorm(levels: Int, using source: inout RandomSource) {
    quantizeStochastically(levels: Double(levels)) { values in
      values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    } using: {
      source.stochasticallyRounded($0)
    }
    wire.setValues(bits: bits(of: 2 * levels + 1), tensorOverhead: 4)
  }

  /// s sign(gᵢ) bᵢ, bᵢ being 1 with probability |gᵢ| / s, and s each tensor's greatest magnitude (Wen et
  /// al. 2017, equations 1-3).
  mutating func ternarize(using source: inout RandomSource) {
    quantizeStochastically(levels: 1) { values in
      values.reduce(0) { max($0, $1.magnitude) }
    } using: {
      source.stochasticallyRounded($0)
    }
    wire.setValues(bits: 2, tensorOverhead: 4)
  }

  private mutating func quantizeStochastically(
    levels: Double, scale: ([Double]) -> Double, using rounded: (Double) -> Double
  ) {
    changeParts { part in
      let step = scale(part.values) / levels
      guard step > 0, step.isFinite else { return }
      var squaredError = 0.0
      for index in part.values.indices {
        let value = part.values[index]
        part.values[index] = (value < 0 ? -step : step) * rounded(value.magnitude / step)
        // A number x = (k + p) levels has variance p (1 - p) step²: at most a quarter, and for small
        // ones about x step, whose mean the rounded numbers tell.
        squaredError += min(step * step / 4, step * part.values[index].magnitude)
      }
      part.noiseVariance += squaredError / Double(part.values.count)
    }
  }

  /// -1, 0 or 1. Nothing is left of the tensors' sizes.
  mutating func takeSigns() {
    changeParts { part in
      for index in part.values.indices {
        let value = part.values[index]
        part.values[index] = value > 0 ? 1 : value < 0 ? -1 : 0
      }
      part.noiseVariance = 0
    }
    scale = .lostPerTensor
    wire.setValues(bits: 1, tensorOverhead: 0)
  }
}

/// Bits that tell one of `count` values.
private func bits(of count: Int) -> Double {
  Double(Int.bitWidth - (count - 1).leadingZeroBitCount)
}

extension RandomSource {
  /// `value` rounded down or up at random, up with a probability of its fraction, so that the mean is
  /// `value`.
  mutating func stochasticallyRounded(_ value: Double) -> Double {
    let floor = value.rounded(.down)
    return uniform() < value - floor ? floor + 1 : floor
  }
}
