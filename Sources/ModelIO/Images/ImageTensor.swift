import TensorGraph

extension Image {
  /// The picture as a tensor [channels, height, width] with values in 0...1.
  ///
  /// - Parameters:
  ///   - dtype: `f32` or `f64`.
  ///   - channels: 3 for red, green and blue, or 1 for ``grey``.
  public func tensor(_ dtype: DType, channels: Int = 3) -> Tensor {
    precondition(dtype.isFloatingPoint, "a picture cannot be a tensor of \(dtype)")
    precondition(channels == 1 || channels == 3, "a picture has 1 or 3 channels, not \(channels)")
    let count = width * height
    let source = channels == 1 ? grey : self
    var elements: [Double] = []
    elements.reserveCapacity(channels * count)
    for channel in 0..<channels {
      for pixel in 0..<count { elements.append(Double(source.pixels[3 * pixel + channel]) / 255) }
    }
    return Tensor([channels, height, width], dtype, elements)
  }

  /// The picture in grey: Pillow's `convert("L")`, the luma of ITU-R BT.601 in 16-bit fixed point. A grey
  /// picture stays as it is.
  public var grey: Image {
    var result = self
    for place in stride(from: 0, to: pixels.count, by: 3) {
      let red = 19595 * Int(pixels[place])
      let green = 38470 * Int(pixels[place + 1])
      let blue = 7471 * Int(pixels[place + 2])
      let luma = UInt8((red + green + blue + 0x8000) >> 16)
      for channel in 0..<3 { result.pixels[place + channel] = luma }
    }
    return result
  }

  /// The picture of a tensor [1 or 3, height, width]: values are clamped to 0...1 and rounded to
  /// 8 bits; NaN is black.
  public init(_ tensor: Tensor) {
    precondition(
      tensor.shape.rank == 3 && (tensor.shape[0] == 1 || tensor.shape[0] == 3),
      "a picture has the shape [1 or 3, height, width], not \(tensor.shape)")
    let count = tensor.shape[1] * tensor.shape[2]
    let values = tensor.doubles.map { $0.isNaN ? 0 : UInt8(min(max($0, 0), 1) * 255 + 0.5) }
    let stride = tensor.shape[0] == 3 ? count : 0
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * count)
    for pixel in 0..<count {
      for channel in 0..<3 { pixels.append(values[channel * stride + pixel]) }
    }
    self.init(width: tensor.shape[2], height: tensor.shape[1], pixels: pixels)
  }
}
