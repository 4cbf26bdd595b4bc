#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Rounds to a shorter floating-point type.
protocol FloatRounding: UpdateDefence {
  static var format: FloatFormat { get }
}

extension FloatRounding {
  /// The scale of 8-bit types is a power of two, so that it adds no error of its own.
  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.changeParts { part in
      let largest = part.values.reduce(0) { max($0, $1.magnitude) }
      var scale = 1.0
      if Self.format.isScaled, largest > 0, largest.isFinite {
        // Of subnormal numbers the quotient may be infinite.
        scale = scalbn(1, Int32(min(max((Self.format.largest / largest).exponent, -1000), 1000)))
      }
      var squaredError = 0.0
      for index in part.values.indices {
        let rounded = Self.format.rounded(part.values[index] * scale)
        let step = Self.format.spacing(at: rounded.isFinite ? rounded : 0) / scale
        squaredError += step * step / 12
        part.values[index] = rounded / scale
      }
      part.noiseVariance += squaredError / Double(max(part.values.count, 1))
    }
    update.wire.setValues(
      bits: Double(Self.format.bits), tensorOverhead: Self.format.isScaled ? 4 : 0)
  }
}

/// Rounds to IEEE 754 binary16.
struct Float16Rounding: FloatRounding {
  static let format = FloatFormat.fp16
  static let descriptor = DefenceDescriptor(
    name: "fp16", summary: "rounds to 16-bit floating point",
    source: "Micikevicius et al. 2018, arXiv 1710.03740, section 3", answer: .byStep,
    strengths: DefenceDescriptor.Strengths([Float16Rounding()], isStandard: true),
    priced: [Float16Rounding()],
    privacy: .deterministic,
    make: { _ in Float16Rounding() })
}

/// Rounds to bfloat16.
struct BFloat16Rounding: FloatRounding {
  static let format = FloatFormat.bf16
  static let descriptor = DefenceDescriptor(
    name: "bf16", summary: "rounds to bfloat16: 8 exponent and 7 mantissa bits",
    source: "Kalamkar et al. 2019, arXiv 1905.12322", answer: .byStep,
    strengths: DefenceDescriptor.Strengths([BFloat16Rounding()]),
    privacy: .deterministic,
    make: { _ in BFloat16Rounding() })
}

/// Rounds to 4 exponent and 3 mantissa bits.
struct Float8E4M3Rounding: FloatRounding {
  static let format = FloatFormat.fp8E4M3
  static let descriptor = DefenceDescriptor(
    name: "fp8-e4m3", summary: "scales each tensor, then rounds to 4 exponent and 3 mantissa bits",
    source: "Micikevicius et al. 2022, arXiv 2209.05433, table 1", answer: .byStep,
    priced: [Float8E4M3Rounding()],
    privacy: .deterministic,
    make: { _ in Float8E4M3Rounding() })
}

/// Rounds to 5 exponent and 2 mantissa bits.
struct Float8E5M2Rounding: FloatRounding {
  static let format = FloatFormat.fp8E5M2
  static let descriptor = DefenceDescriptor(
    name: "fp8-e5m2", summary: "scales each tensor, then rounds to 5 exponent and 2 mantissa bits",
    source: "Micikevicius et al. 2022, arXiv 2209.05433, table 1", answer: .byStep,
    privacy: .deterministic,
    make: { _ in Float8E5M2Rounding() })
}
