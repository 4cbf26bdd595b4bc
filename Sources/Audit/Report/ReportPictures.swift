import Foundation
import ModelIO

/// The pictures of one private image that lie beside its record.
struct ReportPictures {
  let original: Image?
  let reconstruction: Image?
  let snapshots: Image?
  /// A mask beside what was found of it; nil where the model gives one label for each image.
  let mask: Image?

  /// The largest picture that is taken into a report, in pixels: a strip of snapshots has about 1 M.
  private static let pixelLimit = 8 << 20
  /// Of all pictures of a report together.
  static let totalPixelLimit = 64 << 20

  /// - Parameters:
  ///   - stem: the beginning of the files' names, from a record; not to be trusted.
  ///   - room: pixels that are left to the report; what is taken is subtracted.
  init(stem: String, folder: String?, room: inout Int) {
    original = ReportPictures.picture("\(stem)-original.png", folder: folder, room: &room)
    reconstruction = ReportPictures.picture(
      "\(stem)-reconstruction.png", folder: folder, room: &room)
    snapshots = ReportPictures.picture("\(stem)-snapshots.png", folder: folder, room: &room)
    mask = ReportPictures.picture("\(stem)-mask.png", folder: folder, room: &room)
  }

  /// A map of `gradleak analyse`, such as NAME-determinacy.png.
  static func map(_ kind: String, of name: String, folder: String, room: inout Int) -> Image? {
    picture("\(name)-\(kind).png", folder: folder, room: &room)
  }

  /// Pictures are an addition: without a usable one the report says so, and goes on. Sizes are checked before
  /// anything is decoded.
  private static func picture(_ name: String, folder: String?, room: inout Int) -> Image? {
    guard let folder, isFileName(name) else { return nil }
    let path = ReportInput.path(of: name, in: folder)
    let limit = min(pixelLimit, room)
    guard FileManager.default.fileExists(atPath: path),
      let image = try? Image(contentsOfPNG: path, pixelLimit: limit)
    else { return nil }
    room -= image.width * image.height
    return image
  }

  /// Whether a name stays in its folder.
  private static func isFileName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 250 && !name.utf8.contains(UInt8(ascii: "/"))
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
