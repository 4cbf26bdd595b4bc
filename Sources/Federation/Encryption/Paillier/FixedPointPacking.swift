/// Real numbers as fields of a few bits in one large integer, with room for sums: integers that are added add all their
/// fields (Phong et al., "Privacy-Preserving Deep Learning via Additively Homomorphic Encryption", IEEE TIFS 2018,
/// section IV).
///
/// A number x is stored as round(x 2^fractionBits) + 2^(valueBits - 1), so that no field is negative; a sum of weight w
/// (each number counted as often as it was added) holds w times that offset.
package struct FixedPointPacking: Hashable, Sendable {
  /// Of a number.
  package let valueBits: Int
  /// Above each number, for what sums carry.
  package let paddingBits: Int
  /// Of a number, behind the point.
  package let fractionBits: Int

  /// What Phong et al. choose, 32 bits and 15 of padding; 24 of the 32 behind the point, so that numbers below 128 in
  /// magnitude keep an error of at most 2^-25.
  package static let standard = FixedPointPacking(valueBits: 32, paddingBits: 15, fractionBits: 24)

  /// - Parameters:
  ///   - valueBits: 2 to 48.
  ///   - paddingBits: 1 to 15.
  ///   - fractionBits: below `valueBits`.
  package init(valueBits: Int, paddingBits: Int, fractionBits: Int) {
    precondition(
      2...48 ~= valueBits && 1...15 ~= paddingBits && 0..<valueBits ~= fractionBits,
      "no fields of \(valueBits) and \(paddingBits) bits with \(fractionBits) behind the point")
    self.valueBits = valueBits
    self.paddingBits = paddingBits
    self.fractionBits = fractionBits
  }

  /// Of a field.
  package var fieldBits: Int { valueBits + paddingBits }
  /// How often numbers can be added before fields overflow.
  package var maximumWeight: Int { 1 << paddingBits }
  /// Numbers must be smaller in magnitude.
  package var bound: Double { Double(1 << (valueBits - 1 - fractionBits)) }
  /// The most that packing changes a number.
  package var largestError: Double { 0.5 / Double(1 << fractionBits) }

  /// How many numbers a plaintext below n holds.
  package func fields(modulusBits: Int) -> Int { (modulusBits - 1) / fieldBits }

  /// - Parameter values: finite and smaller than ``bound``.
  package func packed(_ values: ArraySlice<Double>) throws(FederationError) -> BigInteger {
    let scale = Double(1 << fractionBits)
    let limit = Double(1 << (valueBits - 1))
    var fields: [UInt64] = []
    fields.reserveCapacity(values.count)
    for (index, value) in zip(values.indices, values) {
      let rounded = (value * scale).rounded()
      // False for what is not a number, too.
      guard rounded >= -limit, rounded < limit else {
        throw FederationError(
          "value \(index) is \(value), and what is packed must be below \(bound) in magnitude; clip the update or scale it down",
          .badInput)
      }
      fields.append(UInt64(rounded + limit))
    }
    return BigInteger(words: joined(fields))
  }

  /// - Parameters:
  ///   - plaintext: a sum of packed integers.
  ///   - count: how many numbers it holds.
  ///   - weight: how often numbers were added, at most ``maximumWeight``.
  package func unpacked(_ plaintext: BigInteger, count: Int, weight: Int) -> [Double] {
    let offset = Int64(weight) << Int64(valueBits - 1)
    let step = 1 / Double(1 << fractionBits)
    let words = plaintext.words(
      count: max((plaintext.bitWidth + 63) / 64, count * fieldBits / 64 + 2))
    let mask = (1 << UInt64(fieldBits)) - 1 as UInt64
    return (0..<count).map { index in
      let (word, shift) = (index * fieldBits / 64, UInt64(index * fieldBits % 64))
      // Shifting by 64 gives 0.
      let field = (words[word] >> shift | words[word + 1] << (64 - shift)) & mask
      return Double(Int64(field) - offset) * step
    }
  }

  private func joined(_ fields: [UInt64]) -> [UInt64] {
    var words = [UInt64](repeating: 0, count: fields.count * fieldBits / 64 + 2)
    for (index, field) in fields.enumerated() {
      let (word, shift) = (index * fieldBits / 64, UInt64(index * fieldBits % 64))
      words[word] |= field << shift
      words[word + 1] |= field >> (64 - shift)
    }
    return words
  }
}
