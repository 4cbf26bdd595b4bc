/// A search for the seed of a mask that has few bits: what a server gets that knows some words of a client's vector.
///
/// One mask has to be all that is left on the vector (``SecureAggregationKnowledge/residual(of:)``). That is so
/// - when the vector came too late: its sender was taken for dropped out, its mask key was rebuilt, and only its own mask is left. No
///   client has to help, and a server can be late on purpose;
/// - when all but one of the clients with which it has masks in common collude, or there are as few of them as in sparse graphs of
///   neighbours; then the other one's vector comes with it, as their sum is known.
///
/// What has to be known of the vector is little: the word that is the client's weight, or a coordinate whose gradient is zero,
/// such as that of a dead unit or of a word that does not occur. With 32 bits, as in Flower's SecAgg+ (November 2026), one known
/// word leaves about one seed by chance besides the right one, two leave none.
package struct WeakSeedSearch: Sendable {
  /// What a search found.
  package struct Outcome: Sendable {
    /// The lowest seed that fits, 32 bytes; nil if none does.
    package let seed: [UInt8]?
    /// Seeds that were tried.
    package let tried: Int
    /// How long that took; differs from run to run.
    package let duration: Duration

    /// Seeds in a second.
    package var seedsPerSecond: Double {
      let (seconds, attoseconds) = duration.components
      return Double(tried) / max(1e-9, Double(seconds) + 1e-18 * Double(attoseconds))
    }
  }

  private let seedBits: Int
  /// Words of the mask by coordinate, from the lowest.
  private let mask: [(coordinate: Int, word: UInt32)]

  /// A search.
  ///
  /// - Parameters:
  ///   - seedBits: 1 to 40.
  ///   - maskedWords: the words under the one mask, by coordinate.
  ///   - knownWords: what is under it there, by coordinate.
  ///   - sign: whether the mask was added or subtracted.
  /// - Throws: `FederationError` of the kind `badInput` if the seed has too many bits, or no coordinate is known or masked.
  package init(
    seedBits: Int, maskedWords: [Int: UInt32], knownWords: [Int: UInt32],
    sign: MaskingGenerator.Sign
  ) throws(FederationError) {
    guard (1...Self.mostBits).contains(seedBits) else {
      throw FederationError(
        "seeds of \(seedBits) bits cannot be tried one by one: at most \(Self.mostBits) bits",
        .badInput)
    }
    mask = knownWords.sorted { $0.key < $1.key }.compactMap { coordinate, known in
      guard coordinate >= 0, let masked = maskedWords[coordinate] else { return nil }
      return (coordinate, sign == .plus ? masked &- known : known &- masked)
    }
    guard !mask.isEmpty else {
      throw FederationError("a search for a seed needs a coordinate that is known", .badInput)
    }
    self.seedBits = seedBits
  }

  private static let mostBits = 40

  /// Seeds besides the right one that fit by chance, on average.
  package var expectedFalseSeeds: Double {
    (0..<mask.count).reduce(Double(UInt64(1) << UInt64(seedBits))) { left, _ in left * 0x1p-32 }
  }

  /// Tries seeds from zero until one fits.
  ///
  /// - Parameter limit: seeds at most, to measure the speed.
  package func run(limit: Int = .max) throws(FederationError) -> Outcome {
    let clock = ContinuousClock()
    let start = clock.now
    let count = min(1 << seedBits, limit)
    var seed = [UInt8](repeating: 0, count: MaskingGenerator.seedCount)
    for candidate in 0..<count {
      withUnsafeBytes(of: UInt64(candidate).littleEndian) { seed.replaceSubrange(..<8, with: $0) }
      let generator = MaskingGenerator(seed: seed)
      if try isSeed(of: generator) {
        return Outcome(seed: seed, tried: candidate + 1, duration: clock.now - start)
      }
    }
    return Outcome(seed: nil, tried: count, duration: clock.now - start)
  }

  private func isSeed(of generator: MaskingGenerator) throws(FederationError) -> Bool {
    for (coordinate, word) in mask {
      guard try generator.word(at: coordinate) == word else { return false }
    }
    return true
  }
}
