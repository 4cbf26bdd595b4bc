import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A repeatable stream of random numbers: the same seed gives the same bits on every machine.
///
/// The generator is xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number
/// generators", 2021), its state filled by SplitMix64 as its authors advise. Normal numbers use
/// the mathematics library's logarithm, so their last bit may differ between systems.
///
/// Streams for different purposes come from ``derive(label:)`` and ``derive(index:)``. They depend
/// on the seed alone, not on how many numbers were drawn, so drawing one more weight does not
/// change the images.
public struct RandomSource: RandomNumberGenerator, Hashable, Sendable {
  /// Identifies the stream; the keys of derived streams are mixed from it.
  private let key: UInt64
  private var generator: Xoshiro256PlusPlus
  /// The second number of the pair that the polar method yields.
  private var spareNormal: Double?

  /// The stream of a seed.
  public init(seed: UInt64) {
    key = seed
    var seeder = SplitMix64(state: seed)
    generator = Xoshiro256PlusPlus(
      seeder.next(), seeder.next(), seeder.next(), seeder.next())
  }

  /// An independent stream for the purpose that `label` names: "weights", "images".
  public func derive(label: String) -> RandomSource {
    var hash = FNV1a()
    hash.add(label.utf8)
    return RandomSource(seed: mixedKey(with: hash.hash, domain: 1))
  }

  /// An independent stream for the `index`-th of several alike: trial 0, trial 1.
  public func derive(index: Int) -> RandomSource {
    RandomSource(seed: mixedKey(with: UInt64(bitPattern: Int64(index)), domain: 2))
  }

  /// Mixes after each part, so that neither order nor equal parts cancel out.
  private func mixedKey(with part: UInt64, domain: UInt64) -> UInt64 {
    var seeder = SplitMix64(state: key)
    seeder.state = seeder.next() ^ domain
    seeder.state = seeder.next() ^ part
    return seeder.next()
  }

  /// 64 random bits.
  public mutating func next() -> UInt64 { generator.next() }

  /// A number in [`range.lowerBound`, `range.upperBound`), a multiple of 2^-53 of its width.
  public mutating func uniform(in range: Range<Double> = 0..<1) -> Double {
    precondition(
      range.upperBound > range.lowerBound && (range.upperBound - range.lowerBound).isFinite,
      "cannot draw from \(range)")
    let unit = Double(next() >> 11) * 0x1p-53
    let value = range.lowerBound + (range.upperBound - range.lowerBound) * unit
    // The sum may round up to the excluded bound.
    return value < range.upperBound ? value : range.upperBound.nextDown
  }

  /// A number from the standard normal distribution, by Marsaglia's polar method.
  public mutating func normal() -> Double {
    if let spare = spareNormal {
      spareNormal = nil
      return spare
    }
    while true {
      let x = uniform(in: -1..<1)
      let y = uniform(in: -1..<1)
      let squaredRadius = x * x + y * y
      if squaredRadius > 0 && squaredRadius < 1 {
        let factor = (-2 * log(squaredRadius) / squaredRadius).squareRoot()
        spareNormal = y * factor
        return x * factor
      }
    }
  }

  /// An integer in 0..<`bound`, without bias.
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0, "cannot draw an integer below \(bound)")
    let bound = UInt64(bound)
    // The lowest 2^64 mod bound values would make small results likelier.
    let threshold = (0 &- bound) % bound
    while true {
      let bits = next()
      if bits >= threshold { return Int(bits % bound) }
    }
  }

  /// The integers 0..<`count` in random order, by the Fisher-Yates shuffle.
  public mutating func permutation(of count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, integer(below: last + 1))
    }
    return order
  }

  /// A tensor of uniform numbers in `range`, drawn in row-major order.
  ///
  /// Numbers are drawn in double precision and then rounded, so that `f32` and `f64` see the same
  /// ones; an `f32` element may round up to the upper bound.
  public mutating func uniformTensor(
    _ shape: Shape, _ dtype: DType, in range: Range<Double> = 0..<1
  ) -> Tensor {
    Tensor(shape, dtype, (0..<shape.elementCount).map { _ in uniform(in: range) })
  }

  /// A tensor of normal numbers, drawn in row-major order in double precision and then rounded.
  public mutating func normalTensor(
    _ shape: Shape, _ dtype: DType, mean: Double = 0, standardDeviation: Double = 1
  ) -> Tensor {
    Tensor(
      shape, dtype, (0..<shape.elementCount).map { _ in mean + standardDeviation * normal() })
  }
}
