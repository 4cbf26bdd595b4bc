import Foundation
import ModelIO

/// The pictures of one private image that lie beside its record.
struct ReportPictures {
  let original: Image?
  let reconstruction: Image?
  let snapshots: Image?

  /// The largest picture that is taken into a report, in pixels: a strip of snapshots has about 1 M.
  private static let pixelLimit = 8 << 20

  /// - Parameter stem: the beginning of the files' names, from a record; not to be trusted.
  init(stem: String, folder: String?) {
    func picture(_ kind: String) -> Image? {
      guard let folder, ReportPictures.isFileName(stem) else { return nil }
      let path = ReportInput.path(of: "\(stem)-\(kind).png", in: folder)
      // Pictures are an addition: without a usable one the report says so, and goes on.
      guard FileManager.default.fileExists(atPath: path), let image = try? Image(contentsOf: path),
        image.width * image.height <= ReportPictures.pixelLimit
      else { return nil }
      return image
    }
    original = picture("original")
    reconstruction = picture("reconstruction")
    snapshots = picture("snapshots")
  }

  /// A map of `gradleak analyse`, such as NAME-determinacy.png.
  static func map(_ kind: String, of name: String, folder: String) -> Image? {
    guard isFileName(name) else { return nil }
    let path = ReportInput.path(of: "\(name)-\(kind).png", in: folder)
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return try? Image(contentsOf: path)
  }

  /// Whether a name stays in its folder.
  private static func isFileName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 220 && !name.utf8.contains(UInt8(ascii: "/"))
      && !name.utf8.contains(0)
  }

  /// The difference of both pictures, amplified as on the contact sheet; nil without them.
  var difference: Image? {
    guard let original, let reconstruction, original.width == reconstruction.width,
      original.height == reconstruction.height
    else { return nil }
    return amplifiedDifference(reconstruction, original, gain: ReportPictures.differenceGain)
  }

  static let differenceGain = 4
}

extension Image {
  /// The picture as a `data:` URI, for a page that loads nothing.
  var dataURI: String? {
    guard let bytes = try? encodedPNG(path: "picture") else { return nil }
    return "data:image/png;base64," + Data(bytes).base64EncodedString()
  }
}
