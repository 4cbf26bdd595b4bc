#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A short floating-point type that an update is sent in.
public enum FloatFormat: String, Hashable, Sendable, CaseIterable {
  /// IEEE 754 binary16.
  case fp16
  /// The upper half of binary32.
  case bf16
  /// 4 exponent and 3 mantissa bits, without infinities ("e4m3fn").
  case fp8E4M3 = "fp8-e4m3"
  /// 5 exponent and 2 mantissa bits.
  case fp8E5M2 = "fp8-e5m2"

  /// Stored bits of the significand, without the implied one.
  var mantissaBits: Int {
    switch self {
    case .fp16: 10
    case .bf16: 7
    case .fp8E4M3: 3
    case .fp8E5M2: 2
    }
  }

  /// Exponent of the smallest normal number.
  var leastExponent: Int {
    switch self {
    case .fp16, .fp8E5M2: -14
    case .bf16: -126
    case .fp8E4M3: -6
    }
  }

  /// The largest finite number.
  var largest: Double {
    switch self {
    case .fp16: 65504
    case .bf16: 0x1.FEp127
    case .fp8E4M3: 448
    case .fp8E5M2: 57344
    }
  }

  /// Bits of one number.
  public var bits: Int {
    switch self {
    case .fp16, .bf16: 16
    case .fp8E4M3, .fp8E5M2: 8
    }
  }

  /// Whether each tensor is scaled to the type's range first, as training in 8 bits does.
  var isScaled: Bool { bits == 8 }

  var summary: String {
    switch self {
    case .fp16: "rounds to 16-bit floating point"
    case .bf16: "rounds to bfloat16: 8 exponent and 7 mantissa bits"
    case .fp8E4M3: "scales each tensor, then rounds to 4 exponent and 3 mantissa bits"
    case .fp8E5M2: "scales each tensor, then rounds to 5 exponent and 2 mantissa bits"
    }
  }

  var source: String {
    switch self {
    case .fp16: "Micikevicius et al. 2018, arXiv 1710.03740, section 3"
    case .bf16: "Kalamkar et al. 2019, arXiv 1905.12322"
    case .fp8E4M3, .fp8E5M2: "Micikevicius et al. 2022, arXiv 2209.05433, table 1"
    }
  }

  /// `value` to the nearest number of this type, ties to the even one. Numbers beyond the range become
  /// the largest finite one, as a client that wants to go on training would have it; NaN stays.
  public func rounded(_ value: Double) -> Double {
    guard value.isFinite, value != 0 else {
      return value.isInfinite ? (value > 0 ? largest : -largest) : value
    }
    let step = spacing(at: value)
    let result = (value / step).rounded(.toNearestOrEven) * step
    return min(max(result, -largest), largest)
  }

  /// The distance between neighbouring numbers of this type around `value`, which is finite.
  func spacing(at value: Double) -> Double {
    let exponent = value == 0 ? leastExponent : max(Int(value.exponent), leastExponent)
    return scalbn(1, Int32(exponent - mantissaBits))
  }
}

extension UpdateInTransit {
  /// Rounds to a shorter floating-point type. The scale of 8-bit types is a power of two, so that it
  /// adds no error of its own.
  mutating func round(to format: FloatFormat) {
    changeParts { part in
      let largest = part.values.reduce(0) { max($0, $1.magnitude) }
      var scale = 1.0
      if format.isScaled, largest > 0, largest.isFinite {
        // Of subnormal numbers the quotient may be infinite.
        scale = scalbn(1, Int32(min(max((format.largest / largest).exponent, -1000), 1000)))
      }
      var squaredError = 0.0
      for index in part.values.indices {
        let rounded = format.rounded(part.values[index] * scale)
        let step = format.spacing(at: rounded.isFinite ? rounded : 0) / scale
        squaredError += step * step / 12
        part.values[index] = rounded / scale
      }
      part.noiseVariance += squaredError / Double(max(part.values.count, 1))
    }
    wire.setValues(bits: Double(format.bits), tensorOverhead: format.isScaled ? 4 : 0)
  }
}
