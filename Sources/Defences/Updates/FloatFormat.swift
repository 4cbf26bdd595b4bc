#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A short floating-point type that an update is sent in.
enum FloatFormat: String, Hashable, Sendable, CaseIterable {
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
  var bits: Int {
    switch self {
    case .fp16, .bf16: 16
    case .fp8E4M3, .fp8E5M2: 8
    }
  }

  /// Whether each tensor is scaled to the type's range first, as training in 8 bits does.
  var isScaled: Bool { bits == 8 }

  /// `value` to the nearest number of this type, ties to the even one. Numbers beyond the range become
  /// the largest finite one, as a client that wants to go on training would have it; NaN stays.
  func rounded(_ value: Double) -> Double {
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
