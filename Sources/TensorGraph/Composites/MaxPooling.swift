extension Value {
  /// The largest element in each window over the planes of [N, C, H, W] -> [N, C, oH, oW]. Padding
  /// never wins; a window that lies in it entirely gives 0.
  ///
  /// Derivatives go to the first largest element, as in PyTorch.
  public func maxPool(_ window: Window) -> Value {
    let positions = windowArgmax(window)
    let planes = shape[0] * shape[1]
    let size = positions.shape[2] * positions.shape[3]
    return reshape(to: [planes, shape[2] * shape[3], 1])
      .gather(positions.reshape(to: [planes, size]))
      .reshape(to: positions.shape)
  }
}
