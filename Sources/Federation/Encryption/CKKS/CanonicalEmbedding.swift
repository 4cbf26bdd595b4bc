import Foundation

/// Between real numbers and the integer coefficients of a polynomial modulo X^(2 slots) + 1 whose values at the roots of
/// unity they are (Cheon, Kim, Kim and Song, "Homomorphic Encryption for Arithmetic of Approximate Numbers", ASIACRYPT
/// 2017, section 3.2).
///
/// Slot j is the value at ζ^(5^j) with ζ = exp(πi / (2 slots)), the order of HEAAN, SEAL and TenSEAL.
struct CanonicalEmbedding: Sendable {
  let slots: Int
  /// 5^j modulo 4 `slots`.
  private let exponents: [Int]
  /// ζ^j.
  private let roots: [Complex]

  private struct Complex: Sendable {
    var real: Double
    var imaginary: Double
  }

  /// - Parameter slots: a power of two.
  init(slots: Int) {
    self.slots = slots
    let order = 4 * slots
    exponents = sequence(first: 1) { $0 * 5 % order }.prefix(slots).map { $0 }
    roots = (0...order).map {
      let angle = 2 * Double.pi * Double($0) / Double(order)
      return Complex(real: cos(angle), imaginary: sin(angle))
    }
  }

  /// The coefficients, 2 `slots`, times `scale` and rounded.
  /// - Parameter values: at most `slots`; the other slots are 0. Their magnitude times `scale` must be below 2^62.
  func coefficients(_ values: ArraySlice<Double>, scale: Double) -> [Int64] {
    var numbers = values.map { Complex(real: $0, imaginary: 0) }
    numbers += Array(repeating: Complex(real: 0, imaginary: 0), count: slots - values.count)
    numbers.withUnsafeMutableBufferPointer { transformInverse($0) }
    let factor = scale / Double(slots)
    return numbers.map { Int64(($0.real * factor).rounded()) }
      + numbers.map { Int64(($0.imaginary * factor).rounded()) }
  }

  /// The first `count` slots of a polynomial, divided by `scale`.
  /// - Parameter coefficients: 2 `slots`.
  func values(_ coefficients: [Double], count: Int, scale: Double) -> [Double] {
    var numbers = (0..<slots).map {
      Complex(real: coefficients[$0], imaginary: coefficients[$0 + slots])
    }
    numbers.withUnsafeMutableBufferPointer { transform($0) }
    return numbers.prefix(count).map { $0.real / scale }
  }

  /// The values at ζ^(5^j) of the polynomial with coefficients real[k] of X^k and imaginary[k] of X^(k + slots): X^slots is
  /// i at all of them. A fast Fourier transform by decimation in time.
  private func transform(_ numbers: UnsafeMutableBufferPointer<Complex>) {
    reorder(numbers)
    var half = 1
    while half < slots {
      let step = slots / (2 * half)
      for index in 0..<half {
        let root = roots[(exponents[index] & (8 * half - 1)) * step]
        for low in stride(from: index, to: slots, by: 2 * half) {
          let (first, second) = (numbers[low], numbers[low + half])
          let real = second.real * root.real - second.imaginary * root.imaginary
          let imaginary = second.real * root.imaginary + second.imaginary * root.real
          numbers[low] = Complex(real: first.real + real, imaginary: first.imaginary + imaginary)
          numbers[low + half] = Complex(
            real: first.real - real, imaginary: first.imaginary - imaginary)
        }
      }
      half *= 2
    }
  }

  /// The inverse of ``transform`` times the number of slots.
  private func transformInverse(_ numbers: UnsafeMutableBufferPointer<Complex>) {
    var half = slots / 2
    while half >= 1 {
      let step = slots / (2 * half)
      for index in 0..<half {
        let root = roots[(exponents[index] & (8 * half - 1)) * step]
        for low in stride(from: index, to: slots, by: 2 * half) {
          let (first, second) = (numbers[low], numbers[low + half])
          let real = first.real - second.real
          let imaginary = first.imaginary - second.imaginary
          numbers[low] = Complex(
            real: first.real + second.real, imaginary: first.imaginary + second.imaginary)
          // Times the conjugate.
          numbers[low + half] = Complex(
            real: real * root.real + imaginary * root.imaginary,
            imaginary: imaginary * root.real - real * root.imaginary)
        }
      }
      half /= 2
    }
    reorder(numbers)
  }

  private func reorder(_ numbers: UnsafeMutableBufferPointer<Complex>) {
    let bits = slots.trailingZeroBitCount
    for index in 0..<slots {
      let other = index.bitReversed(bits)
      if index < other { (numbers[index], numbers[other]) = (numbers[other], numbers[index]) }
    }
  }
}
