import ModelIO

/// Seven real photographs to try attacks on, carried inside the program.
///
/// Centre crops of the pictures in scikit-image's `skimage/data`, all in the public domain or
/// under CC0.
public enum BundledImages {
  /// The sides, in pixels, in which each photograph is there: 32 and 64.
  public static let sizes = [32, 64]

  /// The names of the photographs, in the order of ``all(size:)``: Eileen Collins and her face, a rocket, the
  /// deep field of the Hubble telescope, a cat, a cup of coffee, a human retina. NOTICE tells whose they are.
  public static let names = [
    "astronaut", "astronaut_face", "rocket", "hubble", "chelsea", "coffee", "retina",
  ]

  /// All photographs as squares of `size` pixels a side, one of ``sizes``.
  public static func all(size: Int) -> [(name: String, image: Image)] {
    names.map { ($0, photograph($0, size: size)) }
  }

  /// One photograph, or nil when none is so named.
  public static func image(named name: String, size: Int) -> Image? {
    names.contains(name) ? photograph(name, size: size) : nil
  }

  private static func photograph(_ name: String, size: Int) -> Image {
    precondition(sizes.contains(size), "bundled images have \(sizes) pixels a side, not \(size)")
    do {
      return try Image(
        bytes: bundledFile("photographs/\(size)/\(name).png"), path: "\(name).png")
    } catch {
      preconditionFailure("the bundled image is damaged: \(error)")
    }
  }
}
