/// Secrets in n shares of which any t give them back and t - 1 tell nothing (Shamir, "How to share a secret", 1979), each byte by a
/// polynomial of its own over GF(256) with the polynomial of AES, x^8 + x^4 + x^3 + x + 1.
///
/// Bytes rather than a large prime: any 32 bytes are a secret, a share is as long as it, nothing has to be reduced or rejected,
/// and no arithmetic of large integers is needed. It costs that there are at most 255 holders.
///
/// Shares carry no check: a wrong one gives a wrong secret. Whoever rebuilds must compare with something else, as
/// ``SecureAggregationServer`` does with public keys and commitments. Products take the same time for all operands.
package enum ShamirSharing {
  /// Holders at most: a holder's number is a point of the field other than zero.
  package static let largestHolder = 255

  /// One share for each holder.
  ///
  /// - Parameters:
  ///   - secret: any bytes.
  ///   - threshold: shares that give it back, 1 to the number of holders.
  ///   - holders: their numbers, 1 to 255, all different.
  /// - Throws: `FederationError` of the kind `badInput`.
  package static func share(
    _ secret: [UInt8], threshold: Int, among holders: [Int],
    using randomness: inout some RandomNumberGenerator
  ) throws(FederationError) -> [Int: [UInt8]] {
    try check(holders)
    guard (1...max(1, holders.count)).contains(threshold), !holders.isEmpty else {
      throw FederationError(
        "a secret that \(threshold) shares give back cannot be shared among \(holders.count) holders",
        .badInput)
    }
    let count = secret.count
    var coefficients = [[UInt8]](repeating: secret, count: threshold)
    for degree in 1..<max(1, threshold) {
      coefficients[degree] = (0..<count).map { _ in
        UInt8(truncatingIfNeeded: randomness.next() as UInt64)
      }
    }
    var shares: [Int: [UInt8]] = [:]
    for holder in holders {
      let point = UInt8(holder)
      // Horner's rule, from the highest coefficient down.
      var share = coefficients[threshold - 1]
      for degree in stride(from: threshold - 2, through: 0, by: -1) {
        for index in 0..<count {
          share[index] = product(share[index], point) ^ coefficients[degree][index]
        }
      }
      shares[holder] = share
    }
    return shares
  }

  /// The secret behind shares.
  ///
  /// - Parameter shares: exactly as many as the threshold; more do no harm, fewer give other bytes, without notice.
  /// - Throws: `FederationError` of the kind `badInput` if a holder's number is no point or lengths differ.
  package static func secret(from shares: [(holder: Int, bytes: [UInt8])]) throws(FederationError)
    -> [UInt8]
  {
    try value(at: 0, from: shares)
  }

  /// What the holder `point` has if `shares` are right; the secret at point 0.
  package static func value(
    at point: Int, from shares: [(holder: Int, bytes: [UInt8])]
  ) throws(FederationError) -> [UInt8] {
    try check(shares.map(\.holder))
    guard let count = shares.first?.bytes.count, shares.allSatisfy({ $0.bytes.count == count }),
      (0...largestHolder).contains(point)
    else {
      throw FederationError("shares of a secret are missing or of different lengths", .badInput)
    }
    let at = UInt8(point)
    var secret = [UInt8](repeating: 0, count: count)
    for share in shares {
      let own = UInt8(share.holder)
      var (numerator, denominator): (UInt8, UInt8) = (1, 1)
      for other in shares where other.holder != share.holder {
        numerator = product(numerator, at ^ UInt8(other.holder))
        denominator = product(denominator, own ^ UInt8(other.holder))
      }
      let weight = product(numerator, inverse(of: denominator))
      for index in 0..<count { secret[index] ^= product(share.bytes[index], weight) }
    }
    return secret
  }

  private static func check(_ holders: [Int]) throws(FederationError) {
    var seen = Set<Int>()
    for holder in holders {
      guard (1...largestHolder).contains(holder) else {
        throw FederationError(
          "\(holder) cannot hold a share: holders have the numbers 1 to \(largestHolder)", .badInput
        )
      }
      guard seen.insert(holder).inserted else {
        throw FederationError(
          "holder \(holder) occurs twice among the shares of a secret", .badInput)
      }
    }
  }

  /// The product in the field, without a branch or table that depends on the operands.
  static func product(_ left: UInt8, _ right: UInt8) -> UInt8 {
    var (left, right, sum) = (left, right, UInt8(0))
    for _ in 0..<8 {
      sum ^= left & (0 &- (right & 1))
      left = (left &<< 1) ^ (0x1B & (0 &- (left &>> 7)))
      right &>>= 1
    }
    return sum
  }

  /// The inverse, a^254; zero's is zero.
  static func inverse(of value: UInt8) -> UInt8 {
    var (power, result) = (value, UInt8(1))
    // 254 = 2 + 4 + ... + 128.
    for _ in 0..<7 {
      power = product(power, power)
      result = product(result, power)
    }
    return result
  }
}
