import ModelIO
import Solvers
import TensorGraph

extension BundledImages {
  /// Square windows at random places of the photographs, 24 to 64 pixels a side: many different small
  /// pictures of real scenes, for batches larger than the number of photographs.
  ///
  /// - Returns: `count` pictures, named after their photograph and number; the same for the same stream.
  public static func windows(
    count: Int, using source: inout RandomSource
  ) -> [(name: String, image: Image)] {
    let photographs = all(size: 64)
    return (0..<count).map { index in
      let (name, picture) = photographs[source.integer(below: photographs.count)]
      let side = 24 + source.integer(below: 41)
      let left = source.integer(below: picture.width - side + 1)
      let top = source.integer(below: picture.height - side + 1)
      var pixels: [UInt8] = []
      for row in top..<top + side {
        let first = 3 * (row * picture.width + left)
        pixels += picture.pixels[first..<first + 3 * side]
      }
      return ("\(name)-\(index)", Image(width: side, height: side, pixels: pixels))
    }
  }

  /// Windows as images [C, H, W] of any shape, to try layers with: the same at every call. Where C is
  /// neither 3 nor 1, the channels are the grey one repeated.
  public static func samples(shape: Shape, count: Int) -> [Tensor] {
    var source = RandomSource(seed: 0).derive(label: "samples")
    let (channels, height, width) = (shape[0], shape[1], shape[2])
    return windows(count: count, using: &source).map { _, picture in
      let fitted = picture.fitted(width: width, height: height)
      if channels == 1 || channels == 3 { return fitted.tensor(.f64, channels: channels) }
      let grey = fitted.tensor(.f64, channels: 1).doubles
      return Tensor(shape, .f64, (0..<channels).flatMap { _ in grey })
    }
  }
}
