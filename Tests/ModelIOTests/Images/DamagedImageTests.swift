import Fuzzing
import TestSupport
import Testing

@testable import ModelIO

struct DamagedImageTests {
  private func isRefused(_ bytes: [UInt8], _ words: String) -> Bool {
    do {
      _ = try Image(bytes: bytes, path: "cat.png")
      return false
    } catch {
      let message = "\(error)"
      return message.hasPrefix("cat.png: ") && message.contains(words) && message.contains("; ")
        && !message.contains("\n")
    }
  }

  @Test func anotherFormatIsNamed() {
    #expect(isRefused([], "empty"))
    #expect(isRefused(Array("hello".utf8), "known format"))
    #expect(isRefused(Array("GIF89a".utf8), "GIF"))
    #expect(isRefused(Array("RIFF\0\0\0\0WEBPVP8 ".utf8), "WebP"))
    #expect(isRefused(Array("\0\0\0\u{18}ftypheic".utf8), "HEIC"))
    #expect(isRefused([0x89, 0x50, 0x4E], "known format"))
    #expect(isRefused([0xFF, 0xD8, 0xFF], "no pixels"))
  }

  @Test func pathsWithoutAnImageAreExplained() {
    let folder = TestFolder()
    let cases = [
      (folder.path, "directory"), (folder("none.png"), "no such file"),
      (folder.file("zero.png", []), "empty"),
    ]
    for (path, words) in cases {
      #expect {
        try Image(contentsOf: path)
      } throws: {
        "\($0)".hasPrefix(path) && "\($0)".contains(words)
      }
    }
  }

  @Test func hugeHeadersAreRefusedBeforeAllocation() throws {
    #expect(
      isRefused(bytes(of: "\(fixtures)/images/huge.png"), "20000 x 20000 pixels is too large"))
    // The same in a JPEG: height and width follow the start-of-frame marker, its length, and depth.
    var jpeg = bytes(of: "\(fixtures)/images/rgb.jpg")
    let frame = try #require(jpeg.indices.first { jpeg[$0...].starts(with: [0xFF, 0xC0]) })
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0x4E, 0x20, 0x4E, 0x20])
    #expect(isRefused(jpeg, "20000 x 20000 pixels is too large"))
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0x30, 0x00, 0x30, 0x00])
    #expect(isRefused(jpeg, "12288 x 12288 pixels is too large"))
  }

  @Test func imagesOfManyScansAreRefused() throws {
    // A start-of-scan marker that the decoder never reaches counts as well.
    var jpeg = bytes(of: "\(fixtures)/images/progressive.jpg")
    let frame = try #require(jpeg.indices.first { jpeg[$0...].starts(with: [0xFF, 0xC2]) })
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0x20, 0x00, 0x20, 0x00])
    jpeg += (0..<40).flatMap { _ in [0xFF, 0xDA] as [UInt8] }
    #expect(isRefused(jpeg, "scans, too many"))
  }

  @Test(arguments: ["rgb.png", "interlaced.png", "palette.png"])
  func cutPNGsAreRefused(_ name: String) throws {
    let whole = bytes(of: "\(fixtures)/images/\(name)")
    let end = try #require(whole.indices.last { whole[$0...].starts(with: Array("IEND".utf8)) })
    // All pixels are there when only the end chunk and the last checksum are missing.
    for count in 0..<end - 12 {
      #expect(throws: FileError.self) { try Image(bytes: Array(whole[..<count]), path: "cut") }
    }
  }

  @Test(arguments: ["rgb.jpg", "progressive.jpg", "cmyk.jpg", "orientation-6.jpg"])
  func cutJPEGsAreRefused(_ name: String) {
    let whole = bytes(of: "\(fixtures)/images/\(name)")
    for count in 0..<whole.count {
      #expect(throws: FileError.self) { try Image(bytes: Array(whole[..<count]), path: "cut") }
    }
  }

  @Test func harmlessExtraBytesAreAccepted() throws {
    let whole = bytes(of: "\(fixtures)/images/rgb.jpg")
    let original = try Image(bytes: whole, path: "whole")
    let table = try #require(whole.indices.first { whole[$0...].starts(with: [0xFF, 0xC4]) })
    var stray = whole
    stray.insert(contentsOf: [0x12, 0x34], at: table)
    #expect(try Image(bytes: stray, path: "stray") == original)
    #expect(try Image(bytes: whole + [0, 0, 0], path: "padded") == original)
    // Only the first complaint is known: a cut must not hide behind it.
    #expect(isRefused(Array(stray.dropLast(40)), "damaged or cut short"))
  }

  @Test(arguments: [
    "rgb.png", "palette.png", "interlaced.png", "rgb.jpg", "progressive.jpg", "cmyk.jpg",
    "orientation-6.jpg",
  ])
  func mutationsNeverCrash(_ name: String) {
    let whole = bytes(of: "\(fixtures)/images/\(name)")
    var generator = FuzzGenerator(state: 2)
    var accepted = 0
    for _ in 0..<1500 {
      let mutated = whole.mutated(using: &generator)
      guard let image = try? Image(bytes: mutated, path: "mutated") else { continue }
      accepted += 1
      if image.pixels.count != 3 * image.width * image.height { Issue.record("wrong size") }
    }
    #expect(accepted < 1500)
  }

  /// Segments whose directory points anywhere must not be followed there.
  @Test func wrongExifIsIgnored() throws {
    let whole = bytes(of: "\(fixtures)/images/orientation-6.jpg")
    let exif = try #require(whole.indices.first { whole[$0...].starts(with: Array("Exif".utf8)) })
    #expect(JPEGMarkers(scanning: whole).orientation == .rightTop)
    for offset in 6..<32 {
      for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
        var changed = whole
        changed[exif + offset] = value
        _ = JPEGMarkers(scanning: changed)
      }
    }
    var negative = whole
    negative.replaceSubrange(exif + 10..<exif + 14, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(JPEGMarkers(scanning: negative).orientation == .upright)
  }
}
