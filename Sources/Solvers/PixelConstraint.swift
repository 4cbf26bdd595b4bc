import TensorGraph

/// What the pixels among a point's coordinates must satisfy after every step: the leading ones,
/// images [N, C, H, W].
package struct PixelConstraint: Sendable, Equatable {
  /// [N, C, H, W] of the images.
  package var shape: Shape
  /// Range that pixels are clamped to; nil for none.
  package var range: ClosedRange<Double>?
  /// Iterations from one 3x3 median filter to the next; 0 for never.
  package var medianFilterEvery: Int

  package init(shape: Shape, range: ClosedRange<Double>? = 0...1, medianFilterEvery: Int = 0) {
    precondition(
      shape.rank == 4 && medianFilterEvery >= 0,
      "images of \(shape), a median filter every \(medianFilterEvery) iterations")
    self.shape = shape
    self.range = range
    self.medianFilterEvery = medianFilterEvery
  }

  /// Enforces the constraint on a point after `iteration`, counted from 1.
  func apply(to point: inout [Double], iteration: Int) {
    if let range {
      for index in 0..<shape.elementCount {
        point[index] = min(max(point[index], range.lowerBound), range.upperBound)
      }
    }
    if medianFilterEvery > 0, iteration % medianFilterEvery == 0 { filter(&point) }
  }

  /// Replaces every pixel by the median of its 3x3 neighbourhood; beyond the edge the image goes on
  /// with its nearest pixel.
  private func filter(_ point: inout [Double]) {
    let (height, width) = (shape[2], shape[3])
    var window = [Double](repeating: 0, count: 9)
    for plane in 0..<shape[0] * shape[1] {
      let start = plane * height * width
      let old = Array(point[start..<start + height * width])
      for row in 0..<height {
        for column in 0..<width {
          for position in 0..<9 {
            let y = min(max(row + position / 3 - 1, 0), height - 1)
            let x = min(max(column + position % 3 - 1, 0), width - 1)
            window[position] = old[y * width + x]
          }
          point[start + row * width + column] = window.sorted()[4]
        }
      }
    }
  }
}
