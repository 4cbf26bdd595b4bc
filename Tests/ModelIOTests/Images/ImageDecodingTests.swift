import TensorGraph
import TestSupport
import Testing

@testable import ModelIO

/// The pictures that Pillow saw in the fixtures, by file name or size.
private func pillowImages(_ file: String) throws -> [String: Image] {
  try SafetensorsFile(contentsOf: "\(fixtures)/images/\(file).safetensors").tensors().mapValues {
    Image(
      width: $0.shape[1], height: $0.shape[0], pixels: $0.doubles.map { UInt8($0) })
  }
}

/// The largest difference of a channel; nil for pictures of different sizes.
private func largestDifference(_ first: Image, _ second: Image) -> Int? {
  guard first.width == second.width, first.height == second.height else { return nil }
  return zip(first.pixels, second.pixels).map { abs(Int($0) - Int($1)) }.max()
}

struct ImageDecodingTests {
  @Test(arguments: [
    ("rgb.png", 0), ("grey.png", 0), ("bits.png", 0), ("palette.png", 0), ("rgba.png", 0),
    ("grey-alpha.png", 0), ("grey16.png", 0), ("interlaced.png", 0), ("rgb.jpg", 1),
    ("grey.jpg", 1), ("progressive.jpg", 1), ("cmyk.jpg", 1),
  ])
  func showsWhatAViewerShows(_ name: String, _ tolerance: Int) throws {
    let image = try DecodedPicture(contentsOf: "\(fixtures)/images/\(name)", as: .viewer).image
    let expected = try #require(try pillowImages("decoded")[name])
    let difference = try #require(largestDifference(image, expected))
    #expect(difference <= tolerance)
  }

  @Test(arguments: 1...8) func jpegsAreTurnedUpright(_ orientation: Int) throws {
    let name = "orientation-\(orientation).jpg"
    let image = try DecodedPicture(contentsOf: "\(fixtures)/images/\(name)", as: .viewer).image
    let expected = try #require(try pillowImages("decoded")[name])
    let difference = try #require(largestDifference(image, expected))
    #expect(difference <= 1)
  }

  /// Every file, to the last bit; see scripts/fixtures/images-readings.py.
  @Test func readsWhatPillowReads() throws {
    let goldens = try SafetensorsFile(contentsOf: "\(fixtures)/images/readings.safetensors")
      .tensors()
    #expect(goldens.count == 2 * 39)
    for (key, expected) in goldens {
      let parts = key.split(separator: ":").map(String.init)
      let image = try Image(contentsOf: "\(fixtures)/images/\(parts[0])")
      #expect([image.height, image.width] == Array(expected.shape.dimensions.prefix(2)), "\(key)")
      let pixels =
        parts[1] == "RGB"
        ? image.pixels
        : stride(from: 0, to: image.pixels.count, by: 3).map { image.grey.pixels[$0] }
      #expect(pixels.map(Double.init) == expected.doubles, "\(key)")
    }
  }

  @Test(arguments: [
    ("readings/rgba.png", "transparency dropped"), ("readings/palette-alpha.png", "transparency"),
    ("readings/rgb-color-key.png", "transparency"), ("readings/grey-16.png", "cut at 255"),
    ("readings/rgba-16.png", "cut to 8"), ("readings/rgb-gamma.png", "gamma of 1.0"),
    ("readings/rgb-exif.png", "orientation 6"), ("orientation-3.jpg", "orientation 3"),
    ("cmyk.jpg", "CMYK"),
  ])
  func saysWhatReadersDisagreeOn(_ name: String, _ words: String) throws {
    let path = "\(fixtures)/images/\(name)"
    let notes = try DecodedPicture(contentsOf: path).notes
    #expect(notes.contains { $0.contains(words) }, "\(notes)")
    #expect(
      try DecodedPicture(contentsOf: path, as: .viewer).notes == ["read as a viewer shows it"])
  }

  @Test(arguments: [
    "rgb.png", "grey.png", "bits.png", "palette.png", "rgb.jpg", "orientation-1.jpg",
  ])
  func saysNothingWhereReadersAgree(_ name: String) throws {
    let path = "\(fixtures)/images/\(name)"
    #expect(try DecodedPicture(contentsOf: path).notes.isEmpty)
    #expect(try DecodedPicture(contentsOf: path, as: .viewer).notes.isEmpty)
  }

  @Test(arguments: [
    (32, 32), (8, 8), (20, 9), (57, 20), (10, 37), (100, 70), (13, 90), (1, 1),
  ])
  func scalesAsPillowDoes(_ width: Int, _ height: Int) throws {
    let photo = try Image(contentsOf: "\(fixtures)/images/photo-57x37.png")
    let expected = try #require(try pillowImages("fitted")["\(width)x\(height)"])
    // Pillow rounds to 8 bits between its two passes.
    let difference = try #require(
      largestDifference(photo.fitted(width: width, height: height), expected))
    #expect(difference <= 1)
  }

  @Test func fittingKeepsWhatNeedsNoChange() throws {
    let photo = try Image(contentsOf: "\(fixtures)/images/photo-57x37.png")
    #expect(photo.fitted(width: 57, height: 37) == photo)
    let flat = Image(width: 7, height: 300, red: 10, green: 200, blue: 255)
    #expect(
      flat.fitted(width: 13, height: 5)
        == Image(width: 13, height: 5, red: 10, green: 200, blue: 255))
  }

  @Test func croppingIsCentred() {
    // Thirds in red, green and blue: the middle square is the green one.
    let row = [[255, 0, 0], [0, 255, 0], [0, 0, 255]].flatMap { color in
      (0..<4).flatMap { _ in color.map { UInt8($0) } }
    }
    let image = Image(width: 12, height: 4, pixels: (0..<4).flatMap { _ in row })
    let green = Image(width: 4, height: 4, red: 0, green: 255, blue: 0)
    #expect(image.fitted(width: 4, height: 4) == green)
  }

  @Test func pngsAreWrittenAndReadBack() throws {
    let folder = TestFolder()
    let photo = try Image(contentsOf: "\(fixtures)/images/photo-57x37.png")
    try photo.writePNG(to: folder("a.png"))
    try photo.writePNG(to: folder("b.png"))
    #expect(try Image(contentsOf: folder("a.png")) == photo)
    #expect(bytes(of: folder("a.png")) == bytes(of: folder("b.png")))
    #expect(folder.contents == ["a.png", "b.png"])
    #expect(throws: FileError.self) { try photo.writePNG(to: folder("missing/a.png")) }
  }
}

struct ImageTensorTests {
  let image = Image(width: 2, height: 1, pixels: [0, 51, 255, 102, 153, 204])

  @Test func channelsComeFirst() {
    #expect(image.tensor(.f64) == Tensor([3, 1, 2], .f64, [0, 0.4, 0.2, 0.6, 1, 0.8]))
    #expect(image.tensor(.f32) == image.tensor(.f64).converted(to: .f32))
  }

  @Test func greyIsTheLuma() {
    let luma = image.tensor(.f64, channels: 1)
    #expect(luma.shape == [1, 1, 2])
    // By Pillow: Image.convert("L").
    let expected = [59.0 / 255, 144.0 / 255]
    for (value, expected) in zip(luma.doubles, expected) { #expect(abs(value - expected) < 1e-12) }
  }

  @Test(arguments: [DType.f32, .f64]) func everyByteComesBack(_ dtype: DType) {
    let all = Image(
      width: 256, height: 1, pixels: (0..<256).flatMap { [UInt8($0), 7, UInt8(255 - $0)] })
    #expect(Image(all.tensor(dtype)) == all)
  }

  @Test func valuesOutsideAreClamped() {
    let tensor = Tensor([1, 1, 5], .f64, [-3, 2, .nan, .infinity, 0.5])
    #expect(Image(tensor).pixels == [0, 255, 0, 255, 128].flatMap { [$0, $0, $0] })
  }
}
