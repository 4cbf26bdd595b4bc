import Leakage
import ModelIO
import TensorGraph

/// The images among which a reconstruction should tell its original: the client's own, and the bundled
/// photographs in the same size. Their mean is what someone would guess who knows the candidates and
/// nothing else.
struct CandidateImages {
  /// [C, H, W] in f64, each once.
  let images: [Tensor]
  let mean: Tensor

  /// - Parameter originals: of one shape; at least one.
  init(_ originals: [Tensor]) {
    let shape = originals[0].shape
    var images: [Tensor] = []
    for original in originals where !images.contains(original) { images.append(original) }
    if shape[0] == 1 || shape[0] == 3 {
      let size = BundledImages.size(forHeight: shape[1])
      for (_, picture) in BundledImages.all(size: size) {
        let image = picture.fitted(width: shape[2], height: shape[1])
          .tensor(.f64, channels: shape[0])
        if !images.contains(image) { images.append(image) }
      }
    }
    self.images = images
    var sum = [Double](repeating: 0, count: shape.elementCount)
    for image in images { for (index, value) in image.doubles.enumerated() { sum[index] += value } }
    mean = Tensor(shape, .f64(sum.map { $0 / Double(images.count) }))
  }
}
