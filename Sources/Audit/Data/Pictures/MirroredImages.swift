import TensorGraph

extension PrivateExample {
  /// The same picture as it is, mirrored, upside down, or both, for turns 0 to 3 and so on: further
  /// pictures where there are few.
  package func mirrored(turn: Int) -> PrivateExample {
    guard turn & 3 != 0 else { return self }
    return PrivateExample(
      name: name, image: Audit.mirrored(image, across: turn & 1 == 1, upsideDown: turn & 2 == 2),
      labels: labels, preparation: preparation)
  }
}

/// An image [C, H, W] with its columns or rows in reverse order.
func mirrored(_ image: Tensor, across: Bool, upsideDown: Bool) -> Tensor {
  let (height, width) = (image.shape[1], image.shape[2])
  let values = image.doubles
  return Tensor(
    image.shape,
    .f64(
      values.indices.map { index in
        let (row, column) = (index / width % height, index % width)
        let plane = index - row * width - column
        return values[
          plane + (upsideDown ? height - 1 - row : row) * width
            + (across ? width - 1 - column : column)]
      }))
}
