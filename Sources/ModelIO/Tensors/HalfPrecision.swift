/// The value of an IEEE 754 half-precision number. Exact; `Float16` is missing on Intel Macs.
func float(fromHalf bits: UInt16) -> Float {
  let sign = UInt32(bits >> 15) << 31
  let exponent = UInt32(bits >> 10) & 0x1F
  let fraction = UInt32(bits) & 0x3FF
  switch exponent {
  case 0:
    // Zero and subnormals: fraction * 2^-24.
    let magnitude = Float(fraction) * 0x1p-24
    return Float(bitPattern: magnitude.bitPattern | sign)
  case 0x1F:
    return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
  default:
    return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}

/// The value of a bfloat16 number: the upper half of a `Float`. Exact.
func float(fromBrainFloat bits: UInt16) -> Float {
  Float(bitPattern: UInt32(bits) << 16)
}
