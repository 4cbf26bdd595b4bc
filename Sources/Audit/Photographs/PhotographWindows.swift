import Leakage
import ModelIO

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
}
