import TensorGraph

/// Images [C, H, W] of one shape as a batch [N, C, H, W].
package func stacked(_ images: [Tensor]) -> Tensor {
  precondition(!images.isEmpty, "a batch of no images")
  return Tensor(
    Shape([images.count] + images[0].shape.dimensions), .f64, images.flatMap(\.doubles))
}

/// The images [C, H, W] of a batch [N, C, H, W], in f64.
package func unstacked(_ batch: Tensor) -> [Tensor] {
  let shape = batch.shape.removing(axes: [0])
  let elements = batch.doubles
  return (0..<batch.shape[0]).map { index in
    Tensor(
      shape, .f64(Array(elements[index * shape.elementCount..<(index + 1) * shape.elementCount])))
  }
}

/// The image with its values clamped to 0...1; NaN becomes 0.
package func clamped(_ image: Tensor) -> Tensor {
  Tensor(image.shape, .f64(image.doubles.map { $0.isNaN ? 0 : min(max($0, 0), 1) }))
}
