import ModelIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A picture of eigenvalues against their index, on a logarithmic scale.
package struct SpectrumPlot: Sendable {
  private let title: String
  private let eigenvalues: [Double]
  private let threshold: Double

  private static let size = (width: 900, height: 460)
  private static let frame = (left: 120, right: 30, top: 70, bottom: 60)

  /// - Parameters:
  ///   - eigenvalues: descending; not empty.
  ///   - threshold: below this an eigenvalue counts as 0; drawn as a line.
  package init(title: String, eigenvalues: [Double], threshold: Double) {
    precondition(!eigenvalues.isEmpty, "a spectrum without eigenvalues")
    self.title = title
    self.eigenvalues = eigenvalues
    self.threshold = threshold
  }

  package func image() -> Image {
    let (size, frame) = (SpectrumPlot.size, SpectrumPlot.frame)
    var canvas = Canvas(width: size.width, height: size.height)
    let width = size.width - frame.left - frame.right
    let height = size.height - frame.top - frame.bottom
    let positive = eigenvalues.filter { $0 > 0 }
    let top = log10(max(positive.first ?? 1, threshold, .leastNormalMagnitude)).rounded(.up)
    // Down to rounding at least, and not far below it.
    let smallest = min(positive.last ?? 1, threshold)
    let lowest = log10(max(smallest, threshold / 1000, .leastNormalMagnitude))
    let bottom = min(lowest.rounded(.down), top - 1)
    func y(_ value: Double) -> Int {
      let share = (top - log10(max(value, .leastNormalMagnitude))) / (top - bottom)
      return frame.top + Int((min(max(share, 0), 1) * Double(height)).rounded())
    }
    canvas.draw(title, x: 24, y: 24, scale: 3, .ink)
    let step = max(Int(((top - bottom) / 8).rounded(.up)), 1)
    for power in stride(from: Int(top), through: Int(bottom), by: -step) {
      let line = y(pow(10, Double(power)))
      canvas.fill(x: frame.left, y: line, width: width, height: 1, .line)
      canvas.draw("1e\(power)", x: 24, y: line - 7, scale: 2, .faintInk)
    }
    if threshold > 0 {
      canvas.fill(x: frame.left, y: y(threshold), width: width, height: 2, .alarm)
    }
    for column in 0..<width {
      let index = column * eigenvalues.count / width
      canvas.fill(x: frame.left + column, y: y(eigenvalues[index]) - 1, width: 2, height: 3, .ink)
    }
    canvas.draw("1", x: frame.left, y: size.height - 44, scale: 2, .faintInk)
    let last = String(eigenvalues.count)
    canvas.draw(
      last, x: size.width - frame.right - 14 * last.count, y: size.height - 44, scale: 2, .faintInk)
    canvas.draw(
      "eigenvalues of JtJ, largest first; red: rounding", x: frame.left + 120,
      y: size.height - 44, scale: 2, .faintInk)
    return canvas.image
  }
}
