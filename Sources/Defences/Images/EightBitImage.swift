import TensorGraph

/// An image in whole numbers 0...255, as image libraries process pixels: [channels, height, width].
struct EightBitImage: Hashable {
  let channels: Int
  let height: Int
  let width: Int
  var values: [UInt8]

  /// Of an image [C, H, W] with values in 0...1, rounded.
  init(_ image: Tensor) {
    channels = image.shape[0]
    height = image.shape[1]
    width = image.shape[2]
    values = image.doubles.map { UInt8((min(max($0.isNaN ? 0 : $0, 0), 1) * 255).rounded()) }
  }

  /// [C, H, W] in f64, values in 0...1.
  var tensor: Tensor {
    Tensor([channels, height, width], .f64(values.map { Double($0) / 255 }))
  }

  private var planeSize: Int { height * width }

  subscript(channel: Int, row: Int, column: Int) -> UInt8 {
    get { values[(channel * height + row) * width + column] }
    set { values[(channel * height + row) * width + column] = newValue }
  }

  // MARK: - Tables

  /// Each channel through a table of 256 entries, which may depend on how often its values occur.
  private mutating func map(_ table: (_ histogram: [Int]) -> [UInt8]) {
    for channel in 0..<channels {
      let plane = channel * planeSize..<(channel + 1) * planeSize
      var histogram = [Int](repeating: 0, count: 256)
      for value in values[plane] { histogram[Int(value)] += 1 }
      let table = table(histogram)
      for index in plane { values[index] = table[Int(values[index])] }
    }
  }

  mutating func invert() {
    for index in values.indices { values[index] = 255 - values[index] }
  }

  /// Inverts the values from `threshold` on.
  mutating func solarize(threshold: Double) {
    for index in values.indices where Double(values[index]) >= threshold {
      values[index] = 255 - values[index]
    }
  }

  /// Keeps the `bits` leading bits of each value.
  mutating func posterize(bits: Int) {
    let mask = ~UInt8(truncatingIfNeeded: (1 << (8 - bits)) - 1)
    for index in values.indices { values[index] &= mask }
  }

  /// Stretches each channel to the whole range.
  mutating func stretchContrast() {
    map { histogram in
      let least = histogram.firstIndex { $0 > 0 } ?? 0
      let greatest = histogram.lastIndex { $0 > 0 } ?? 255
      guard greatest > least else { return Array(0...255) }
      let scale = 255 / Double(greatest - least)
      let offset = -Double(least) * scale
      return (0...255).map { UInt8(min(max(Double($0) * scale + offset, 0), 255)) }
    }
  }

  /// Makes each channel's values about equally frequent.
  mutating func equalize() {
    map { histogram in
      let occurring = histogram.filter { $0 > 0 }
      let step = (occurring.reduce(0, +) - (occurring.last ?? 0)) / 255
      guard occurring.count > 1, step > 0 else { return Array(0...255) }
      var sum = step / 2
      return histogram.map { count in
        defer { sum += count }
        return UInt8(min(sum / step, 255))
      }
    }
  }

  // MARK: - Blends

  /// The brightness of each pixel, by ITU-R 601 in fixed point.
  private var luminance: [UInt8] {
    guard channels == 3 else { return Array(values[0..<planeSize]) }
    return (0..<planeSize).map { pixel in
      let red = 19595 * Int(values[pixel])
      let green = 38470 * Int(values[planeSize + pixel])
      let blue = 7471 * Int(values[2 * planeSize + pixel])
      return UInt8((red + green + blue + 0x8000) >> 16)
    }
  }

  /// other + factor · (this - other), clamped, its fraction dropped.
  private mutating func blend(from other: (_ index: Int) -> UInt8, factor: Double) {
    let factor = Float(factor)
    for index in values.indices {
      let start = Float(other(index))
      let value = start + factor * (Float(values[index]) - start)
      values[index] = UInt8(min(max(value, 0), 255))
    }
  }

  mutating func enhanceColor(by factor: Double) {
    let (grey, size) = (luminance, planeSize)
    blend(from: { grey[$0 % size] }, factor: factor)
  }

  mutating func enhanceContrast(by factor: Double) {
    let grey = luminance
    let mean = grey.reduce(0) { $0 + Double($1) } / Double(grey.count)
    let level = UInt8(mean + 0.5)
    blend(from: { _ in level }, factor: factor)
  }

  mutating func enhanceBrightness(by factor: Double) {
    blend(from: { _ in 0 }, factor: factor)
  }

  mutating func enhanceSharpness(by factor: Double) {
    let smooth = smoothed
    blend(from: { smooth.values[$0] }, factor: factor)
  }

  /// The mean of 3x3 pixels, the middle one five times; borders as they are.
  private var smoothed: EightBitImage {
    var result = self
    guard height > 2, width > 2 else { return result }
    for channel in 0..<channels {
      for row in 1..<height - 1 {
        for column in 1..<width - 1 {
          var sum = 4 * Int(self[channel, row, column])
          for neighbour in row - 1...row + 1 {
            for side in column - 1...column + 1 { sum += Int(self[channel, neighbour, side]) }
          }
          result[channel, row, column] = UInt8(Double(sum) / 13 + 0.5)
        }
      }
    }
    return result
  }
}
