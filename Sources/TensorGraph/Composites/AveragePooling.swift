extension Value {
  /// The mean of each window over the planes of [N, C, H, W] -> [N, C, oH, oW].
  ///
  /// - Parameter countsPadding: whether padding counts as zeros (PyTorch's `count_include_pad`), or
  ///   the mean is over the elements inside the image alone.
  public func averagePool(_ window: Window, countsPadding: Bool = true) -> Value {
    precondition(shape.rank == 4, "pooling takes [N, C, H, W], not \(shape)")
    if let tiled = tiledPart(window) { return tiled.tileAverages(window.size) }
    let sums = reshape(to: [shape[0] * shape[1], 1, shape[2], shape[3]]).windowSums(window)
    let result = Shape([shape[0], shape[1], sums.shape[2], sums.shape[3]])
    if countsPadding || window.padding == Padding2D(0) {
      return sums.reshape(to: result) / Double(window.size.height * window.size.width)
    }
    let counts = builder.constant(1, [1, 1, shape[2], shape[3]], dtype).windowSums(window)
    return sums.reshape(to: result) / counts
  }

  /// The mean over the height and width of [N, C, H, W] -> [N, C].
  public func globalAveragePool() -> Value {
    precondition(shape.rank == 4, "pooling takes [N, C, H, W], not \(shape)")
    return mean(axes: [2, 3])
  }

  /// Means over a grid of `size` windows that cover the planes of [N, C, H, W] evenly -> [N, C,
  /// size.height, size.width]: window i of n spans floor(i H / n) ..< ceil((i + 1) H / n), as in
  /// PyTorch's `AdaptiveAvgPool2d`.
  public func adaptiveAveragePool(to size: Size2D) -> Value {
    precondition(
      shape.rank == 4 && size.height >= 1 && size.width >= 1,
      "adaptive pooling takes [N, C, H, W] and a positive size, not \(shape) and \(size)")
    if shape[2] % size.height == 0, shape[3] % size.width == 0 {
      return tileAverages(Size2D(shape[2] / size.height, shape[3] / size.width))
    }
    // The windows are a grid, so the mean of means by columns and by rows is the mean.
    let (count, height, width) = (shape[0] * shape[1], shape[2], shape[3])
    let byColumns = reshape(to: [count * height, width])
      .matmul(builder.adaptiveWeights(size.width, of: width, dtype), transposeB: true)
      .reshape(to: [count, height, size.width]).matrixTranspose()
      .reshape(to: [count * size.width, height])
    return byColumns.matmul(
      builder.adaptiveWeights(size.height, of: height, dtype), transposeB: true
    )
    .reshape(to: [count, size.width, size.height]).matrixTranspose()
    .reshape(to: [shape[0], shape[1], size.height, size.width])
  }

  /// The part of the planes that the windows cover, when they neither overlap nor leave gaps.
  private func tiledPart(_ window: Window) -> Value? {
    guard window.size == window.strides, window.padding == Padding2D(0),
      window.dilations == Size2D(1, 1),
      let count = window.outputSize(input: Size2D(shape[2], shape[3]))
    else { return nil }
    let covered = [
      shape[0], shape[1], count.height * window.size.height, count.width * window.size.width,
    ]
    return covered == shape.dimensions ? self : slice(starts: [0, 0, 0, 0], limits: covered)
  }

  /// The mean of each tile: a reshape and a sum, much cheaper than a convolution.
  private func tileAverages(_ tile: Size2D) -> Value {
    reshape(
      to: [
        shape[0], shape[1], shape[2] / tile.height, tile.height, shape[3] / tile.width, tile.width,
      ]
    ).mean(axes: [3, 5])
  }

  /// Sums over the windows of single-channel planes [N, 1, H, W].
  private func windowSums(_ window: Window) -> Value {
    convolve(
      builder.constant(1, [1, 1, window.size.height, window.size.width], dtype),
      Convolution(
        strides: window.strides, padding: window.padding, dilations: window.dilations))
  }
}

extension GraphBuilder {
  /// The [count, extent] matrix whose row i averages the elements of adaptive window i.
  fileprivate func adaptiveWeights(_ count: Int, of extent: Int, _ dtype: DType) -> Value {
    let shape: Shape = [count, extent]
    let window = iota(shape, axis: 0, .f64) * Double(extent)
    let position = iota(shape, axis: 1, .f64)
    let start = (window / Double(count)).floor()
    let end = -(-((window + Double(extent)) / Double(count))).floor()
    let isInside = position.greaterOrEqual(to: start).logicalAnd(position.less(than: end))
    return isInside.select(1 / (end - start), position.filled(with: 0)).convert(to: dtype)
  }
}
