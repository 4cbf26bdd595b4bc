import TensorGraph

extension Shape {
  /// These images [N, C, H, W] at `scale` of their height and width, at least one pixel.
  func scaled(by scale: Double) -> Shape {
    func extent(_ axis: Int) -> Int { max(1, Int((Double(self[axis]) * scale).rounded())) }
    return [self[0], self[1], extent(2), extent(3)]
  }
}

extension Value {
  /// Images [N, C, h, w] bilinearly enlarged to the height and width of `shape`, with the pixels'
  /// centres aligned as `torch.nn.functional.interpolate(align_corners=False)` has them.
  func enlarged(to shape: Shape) -> Value {
    if self.shape == shape { return self }
    let (count, height, width) = (shape[0] * shape[1], self.shape[2], self.shape[3])
    let rows = builder.interpolationWeights(from: height, to: shape[2], dtype)
    let columns = builder.interpolationWeights(from: width, to: shape[3], dtype)
    return reshape(to: [count * height, width]).matmul(columns, transposeB: true)
      .reshape(to: [count, height, shape[3]]).matrixTranspose()
      .reshape(to: [count * shape[3], height]).matmul(rows, transposeB: true)
      .reshape(to: [count, shape[3], shape[2]]).matrixTranspose()
      .reshape(to: shape)
  }
}

extension GraphBuilder {
  /// [to, from]: row i has the weights of the old pixels in new pixel i.
  fileprivate func interpolationWeights(from: Int, to: Int, _ dtype: DType) -> Value {
    let shape: Shape = [to, from]
    let position = (iota(shape, axis: 0, .f64) + 0.5) * (Double(from) / Double(to)) - 0.5
    let inside = position.maximum(0).minimum(Double(from - 1))
    let distance = (inside - iota(shape, axis: 1, .f64)).absolute()
    return (1 - distance).maximum(0).convert(to: dtype)
  }
}

extension [Double] {
  /// Images of shape `old`, [N, C, h, w], bilinearly resized to `new` as ``Value/enlarged(to:)`` does.
  func resized(from old: Shape, to new: Shape) -> [Double] {
    if old == new { return self }
    let rows = interpolation(from: old[2], to: new[2])
    let columns = interpolation(from: old[3], to: new[3])
    return (0..<new[0] * new[1]).flatMap { plane in
      let start = plane * old[2] * old[3]
      return rows.flatMap { row in
        columns.map { column in
          func blend(_ y: Int) -> Double {
            let line = start + y * old[3]
            return self[line + column.low] * (1 - column.share)
              + self[line + column.high] * column.share
          }
          return blend(row.low) * (1 - row.share) + blend(row.high) * row.share
        }
      }
    }
  }

  /// For each new pixel the two old ones around it, and the share of the second.
  private func interpolation(
    from: Int, to: Int
  ) -> [(low: Int, high: Int, share: Double)] {
    (0..<to).map { index in
      let position = (Double(index) + 0.5) * (Double(from) / Double(to)) - 0.5
      let inside = Swift.min(Swift.max(position, 0), Double(from - 1))
      let low = Int(inside)
      return (low, Swift.min(low + 1, from - 1), inside - Double(low))
    }
  }
}
