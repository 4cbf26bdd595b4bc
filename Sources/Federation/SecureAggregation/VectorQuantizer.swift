import Solvers

/// Vectors of real numbers as words whose sums do not overflow modulo 2^32, and back: for weighted means under
/// ``SecureAggregationClient``.
///
/// A value x is clipped to ±c, becomes the level q = (x + c) / (2c) · levels, rounded to an integer from 0 to `levels`, and is sent as
/// w·q for the client's weight w; the first word is w itself. The sum of n clients is then the weight of all and, divided by it,
/// the exact mean of the levels.
///
/// **Error.** For values within ±c the weighted mean differs from that of the values by less than one step, 2c / levels, with
/// stochastic rounding, which is right on average, and by at most half a step with nearest, whatever the weights; clipping adds at
/// most the largest excess over c. (The arithmetic in f64 adds some 1e-15 of c.)
///
/// **Flower** (SecAgg+, `quantize` and `dequantize`) has the same levels, clip 8.0 and 2^22 levels modulo 2^32 by default, and also
/// sends the weight as one more coordinate, but multiplies the values by weight / max_weight before it quantises: n · levels alone
/// has to stay below 2^32, and a client with a small weight is rounded as coarsely as if its values were as small; the error of the mean
/// grows to steps · n · max_weight / total weight. Here weights multiply levels, which costs the bits of the largest weight.
package struct VectorQuantizer: Hashable, Sendable {
  /// How a level between two is rounded.
  package enum Rounding: String, Codable, Sendable {
    /// To the nearer one.
    case nearest
    /// Up with the probability of its fraction, so that the mean over many is right.
    case stochastic
  }

  /// Values are clipped to plus and minus this.
  package let clip: Double
  /// Steps between the ends.
  package let levels: Int
  /// The largest weight of a client.
  package let maxWeight: Int
  /// Clients that are summed, at most.
  package let clientCount: Int
  /// How a value between two levels is rounded.
  package let rounding: Rounding

  /// Flower's defaults.
  package static let flowerClip = 8.0
  package static let flowerLevels = 1 << 22

  /// A quantiser whose sums fit.
  ///
  /// - Throws: `FederationError` of the kind `badInput` unless clientCount · maxWeight · levels is below 2^32.
  package init(
    clientCount: Int, clip: Double = flowerClip, levels: Int = flowerLevels, maxWeight: Int = 1,
    rounding: Rounding = .stochastic
  ) throws(FederationError) {
    guard clip.isFinite, clip > 0 else {
      throw FederationError("values cannot be clipped to ±\(clip)", .badInput)
    }
    guard clientCount > 0, levels > 0, maxWeight > 0 else {
      throw FederationError(
        """
        clients, levels and the largest weight are positive numbers, not \(clientCount), \(levels) and \
        \(maxWeight)
        """, .badInput)
    }
    let (some, isLarge) = clientCount.multipliedReportingOverflow(by: maxWeight)
    let (all, isLarger) = some.multipliedReportingOverflow(by: levels)
    guard !isLarge, !isLarger, all < 1 << 32 else {
      let rest = isLarge ? 0 : Int(UInt32.max) / some
      throw FederationError(
        """
        the sum of \(clientCount) clients of weights up to \(maxWeight) with \(levels) levels does not fit \
        into 32 bits: \(rest > 0 ? "take at most \(rest) levels, or smaller weights" : "take smaller weights")
        """, .badInput)
    }
    self.clientCount = clientCount
    self.clip = clip
    self.levels = levels
    self.maxWeight = maxWeight
    self.rounding = rounding
  }

  /// The distance of two levels.
  package var step: Double { 2 * clip / Double(levels) }

  /// The most that a mean of values within the clip can be off.
  package var largestError: Double { rounding == .nearest ? step / 2 : step }

  /// Words of a vector of so many values.
  package func wordCount(for valueCount: Int) -> Int { valueCount + 1 }

  /// A client's words: its weight, then weight times level for each value.
  ///
  /// - Throws: `FederationError` of the kind `badInput` for a weight that is not 1 to `maxWeight`, or a value that is not finite.
  package func words(
    for values: [Double], weight: Int = 1, using randomness: inout RandomSource
  ) throws(FederationError) -> [UInt32] {
    guard (1...maxWeight).contains(weight) else {
      throw FederationError(
        "a client's weight is 1 to \(maxWeight), not \(weight): take a larger largest weight",
        .badInput)
    }
    var words: [UInt32] = []
    words.reserveCapacity(wordCount(for: values.count))
    words.append(UInt32(weight))
    let scale = Double(levels) / (2 * clip)
    for (index, value) in values.enumerated() {
      guard value.isFinite else {
        throw FederationError("value \(index) is \(value), which has no level", .badInput)
      }
      let level = (min(max(value, -clip), clip) + clip) * scale
      let rounded =
        switch rounding {
        case .nearest: level.rounded()
        case .stochastic: (level + randomness.uniform()).rounded(.down)
        }
      words.append(UInt32(weight) * UInt32(min(rounded, Double(levels))))
    }
    return words
  }

  /// The weighted mean behind a sum of clients' words, and the weight of all.
  ///
  /// - Throws: `FederationError` of the kind `refused` if it is no such sum: a client sent something else.
  package func weightedMean(
    ofSum words: [UInt32]
  ) throws(FederationError) -> (values: [Double], totalWeight: Int) {
    guard let weight = words.first, (1...clientCount * maxWeight).contains(Int(weight)) else {
      throw FederationError(
        """
        the sum tells a weight of \(words.first ?? 0), where \(clientCount) clients have at most \
        \(clientCount * maxWeight): one of them sent no quantised vector
        """, .refused)
    }
    let largest = UInt64(weight) * UInt64(levels)
    let scale = 2 * clip / (Double(weight) * Double(levels))
    let values = try words.dropFirst().map { (word) throws(FederationError) in
      guard UInt64(word) <= largest else {
        throw FederationError(
          """
          a word of the sum is \(word), above the \(largest) that its weight allows: a client sent no \
          quantised vector
          """, .refused)
      }
      return Double(word) * scale - clip
    }
    return (values, Int(weight))
  }
}
