import TensorGraph

/// What data loaders do to pixels in 0...1 before a model sees them: (x - mean) / deviation, channel by
/// channel (torchvision's `Normalize`).
public struct PixelNormalization: Hashable, Sendable {
  /// One number for each channel.
  public let means: [Double]
  /// One number other than 0 for each channel.
  public let deviations: [Double]

  /// - Parameter channels: of the images; a single mean or deviation is taken for all.
  /// - Throws: ``ModelError`` when the counts do not fit or a deviation is 0 or not finite.
  public init(means: [Double], deviations: [Double], channels: Int) throws(ModelError) {
    func spread(_ values: [Double], _ what: String) throws(ModelError) -> [Double] {
      guard values.count == 1 || values.count == channels else {
        throw ModelError(
          "\(values.count) \(what) for \(channels) channels; give one for each, or one for all")
      }
      return values.count == channels
        ? values : [Double](repeating: values[0], count: channels)
    }
    self.means = try spread(means, "means")
    self.deviations = try spread(deviations, "standard deviations")
    guard self.means.allSatisfy(\.isFinite),
      self.deviations.allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      throw ModelError("means must be numbers and standard deviations numbers above 0")
    }
  }

  /// Images [N, C, H, W] as the model takes them.
  func normalized(_ images: Value) -> Value {
    let means = perChannel(means, images)
    return (images - means) / perChannel(deviations, images)
  }

  private func perChannel(_ values: [Double], _ images: Value) -> Value {
    let constants = values.map { images.builder.constant($0, [1, 1, 1, 1], images.dtype) }
    return Value.concatenate(constants, axis: 1)
  }

  /// Pixels of the normalised values of one batch [N, C, H, W], row-major.
  package func pixels(_ normalized: [Double], imageElements: Int) -> [Double] {
    let plane = imageElements / means.count
    return normalized.enumerated().map { index, value in
      let channel = index % imageElements / plane
      return value * deviations[channel] + means[channel]
    }
  }
}
