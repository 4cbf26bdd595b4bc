#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The discrete Fourier transform of a power of two of complex numbers (Cooley and Tukey 1965).
struct FourierTransform {
  var real: [Double]
  var imaginary: [Double]

  /// - Parameter real: as many as a power of two; the imaginary parts are 0.
  init(_ real: [Double]) {
    precondition(real.count.nonzeroBitCount == 1, "\(real.count) is no power of two")
    self.real = real
    imaginary = [Double](repeating: 0, count: real.count)
  }

  /// Replaces the numbers by their transform.
  mutating func transform() {
    let count = real.count
    reorder()
    let cosines = (0..<count / 2).map { cos(2 * .pi * Double($0) / Double(count)) }
    let sines = (0..<count / 2).map { -sin(2 * .pi * Double($0) / Double(count)) }
    real.withUnsafeMutableBufferPointer { real in
      imaginary.withUnsafeMutableBufferPointer { imaginary in
        var half = 1
        while half < count {
          let step = count / (2 * half)
          for start in stride(from: 0, to: count, by: 2 * half) {
            for index in 0..<half {
              let (low, high) = (start + index, start + index + half)
              let (c, s) = (cosines[index * step], sines[index * step])
              let x = real[high] * c - imaginary[high] * s
              let y = real[high] * s + imaginary[high] * c
              (real[high], imaginary[high]) = (real[low] - x, imaginary[low] - y)
              (real[low], imaginary[low]) = (real[low] + x, imaginary[low] + y)
            }
          }
          half *= 2
        }
      }
    }
  }

  /// Replaces the transform by the numbers whose it is.
  mutating func invert() {
    swap(&real, &imaginary)
    transform()
    swap(&real, &imaginary)
    let scale = 1 / Double(real.count)
    for index in real.indices {
      real[index] *= scale
      imaginary[index] *= scale
    }
  }

  private mutating func reorder() {
    var reversed = 0
    for index in real.indices {
      if index < reversed {
        real.swapAt(index, reversed)
        imaginary.swapAt(index, reversed)
      }
      var bit = real.count >> 1
      while bit > 0, reversed & bit != 0 {
        reversed ^= bit
        bit >>= 1
      }
      reversed |= bit
    }
  }
}
