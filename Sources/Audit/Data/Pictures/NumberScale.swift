import Leakage
import TensorGraph

/// In which units reconstructions are measured and drawn: pictures in 0...1 as they are, clamped; other
/// numbers in units of the truth's range, as they are.
struct NumberScale {
  /// Of the truth; nil for pictures, and where no truth is known.
  private let range: ClosedRange<Double>?

  init(_ originals: [Tensor]?) {
    let values = (originals ?? []).flatMap(\.doubles)
    let tolerance = 1e-6
    guard let low = values.min(), let high = values.max(), low < -tolerance || high > 1 + tolerance
    else {
      range = nil
      return
    }
    // Equal numbers have no range; their size stands for it.
    range = low...(high > low ? high : low + max(abs(low), 1))
  }

  /// What is measured and drawn in a tensor's place.
  func callAsFunction(_ tensor: Tensor) -> Tensor {
    guard let range else { return clamped(tensor) }
    let width = range.upperBound - range.lowerBound
    return Tensor(
      tensor.shape,
      .f64(tensor.doubles.map { $0.isFinite ? ($0 - range.lowerBound) / width : 0 }))
  }

  /// Whether the truth is no picture, whose numbers go beyond 0...1.
  var isBeyondPixels: Bool { range != nil }

  /// What to say of the measures; nil for pictures.
  var note: String? {
    range.map {
      "measured in units of its range, \(short($0.lowerBound)) to \(short($0.upperBound))"
    }
  }

  private func short(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
}
