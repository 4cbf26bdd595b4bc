extension Image {
  /// The largest centred part that has the proportions of `width` x `height`, scaled to that size.
  ///
  /// The filter is the triangle (linear interpolation when enlarging, widened by the scale when
  /// reducing, so that no pixel is left out). It works on the sRGB-encoded values in single
  /// precision and rounds once at the end: what training pipelines do (Pillow's and torchvision's
  /// antialiased bilinear), hence what a model's inputs look like. A picture that has the size
  /// already is returned as it is.
  public func fitted(width: Int, height: Int) -> Image {
    precondition(
      width > 0 && height > 0 && width <= ImageLimits.sideLength
        && height <= ImageLimits.sideLength && width * height <= ImageLimits.pixelCount,
      "cannot scale to \(width) x \(height) pixels")
    if width == self.width && height == self.height { return self }
    let scale = min(
      Double(self.width) / Double(width), Double(self.height) / Double(height))
    let columns = resamplingTaps(size: self.width, scale: scale, count: width)
    let rows = resamplingTaps(size: self.height, scale: scale, count: height)
    // Rows outside the crop are not needed.
    let firstRow = rows.map(\.start).min() ?? 0
    let endRow = rows.map { $0.start + $0.weights.count }.max() ?? 0
    let narrow = resampleColumns(columns, rows: firstRow..<endRow)
    return Image(
      width: width, height: height,
      pixels: resampleRows(rows, of: narrow, firstRow: firstRow, width: width))
  }

  /// Rows of the picture with their columns resampled, 3 numbers for each pixel.
  private func resampleColumns(_ taps: [ResamplingTaps], rows: Range<Int>) -> [Float] {
    let rowLength = 3 * taps.count
    return [Float](unsafeUninitializedCapacity: rows.count * rowLength) { buffer, count in
      pixels.withUnsafeBufferPointer { source in
        for row in rows {
          for (x, tap) in taps.enumerated() {
            var (red, green, blue) = (Float(0), Float(0), Float(0))
            var position = 3 * (row * width + tap.start)
            for weight in tap.weights {
              red += weight * Float(source[position])
              green += weight * Float(source[position + 1])
              blue += weight * Float(source[position + 2])
              position += 3
            }
            let target = (row - rows.lowerBound) * rowLength + 3 * x
            buffer.initializeElement(at: target, to: red)
            buffer.initializeElement(at: target + 1, to: green)
            buffer.initializeElement(at: target + 2, to: blue)
          }
        }
      }
      count = rows.count * rowLength
    }
  }

  private func resampleRows(
    _ taps: [ResamplingTaps], of rows: [Float], firstRow: Int, width: Int
  ) -> [UInt8] {
    let rowLength = 3 * width
    var pixels: [UInt8] = []
    pixels.reserveCapacity(taps.count * rowLength)
    for tap in taps {
      for index in 0..<rowLength {
        var sum: Float = 0
        for (offset, weight) in tap.weights.enumerated() {
          sum += weight * rows[(tap.start - firstRow + offset) * rowLength + index]
        }
        pixels.append(UInt8(min(max(sum.rounded(), 0), 255)))
      }
    }
    return pixels
  }
}

/// The source pixels that one resampled pixel is made of.
private struct ResamplingTaps {
  let start: Int
  /// Their sum is 1.
  let weights: [Float]
}

/// Taps for `count` pixels, `scale` source pixels apart, centred on a line of `size` pixels.
private func resamplingTaps(size: Int, scale: Double, count: Int) -> [ResamplingTaps] {
  let origin = (Double(size) - scale * Double(count)) / 2
  let support = max(scale, 1)
  return (0..<count).map { index in
    let center = origin + (Double(index) + 0.5) * scale
    let start = min(max(Int((center - support + 0.5).rounded(.down)), 0), size - 1)
    let end = min(max(Int((center + support + 0.5).rounded(.down)), start + 1), size)
    let weights = (start..<end).map { pixel in
      let distance: Double = abs(Double(pixel) + 0.5 - center)
      return max(1 - distance / support, 0)
    }
    let sum = weights.reduce(0, +)
    return ResamplingTaps(start: start, weights: weights.map { Float($0 / sum) })
  }
}
