import TestSupport
import Testing

@testable import ModelIO

/// Masks as PNG files: `scripts/fixtures/segmentation.py`.
@Suite struct ClassPictureTests {
  private func path(_ name: String) -> String { "\(fixtures)/segmentation/\(name)" }

  private let palette = (0..<64).map { place -> Int in
    let (row, column) = (place / 8, place % 8)
    return row + column < 6 ? 0 : column > 4 ? 2 : 1
  }

  /// Indices, not the colours that they stand for; grey samples as they are.
  @Test func classesAreIndices() throws {
    #expect(try ClassPicture(contentsOf: path("mask-0.png")).classes == palette)
    let grey = try ClassPicture(contentsOf: path("mask-1.png"))
    #expect(grey.width == 8 && grey.height == 8)
    #expect(grey.classes == (0..<64).map { $0 / 8 > 3 ? 2 : $0 % 8 / 4 })
    #expect(
      try ClassPicture(contentsOf: path("binary-mask.png")).classes
        == palette.map { $0 > 0 ? 255 : 0 })
  }

  @Test func coloursAndOtherFormatsAreRefused() throws {
    let folder = TestFolder()
    let colours = Image(width: 2, height: 2, red: 1, green: 1, blue: 2)
    try colours.writePNG(to: folder("colours.png"))
    #expect { try ClassPicture(contentsOf: folder("colours.png")) } throws: {
      "\($0)".contains("colours, which are no class numbers")
    }
    // Grey that was saved as RGB is still grey.
    try Image(width: 2, height: 1, red: 3, green: 3, blue: 3).writePNG(to: folder("grey.png"))
    #expect(try ClassPicture(contentsOf: folder("grey.png")).classes == [3, 3])
    #expect { try ClassPicture(contentsOf: "\(fixtures)/segmentation/image.npy") } throws: {
      "\($0)".contains("image.npy")
    }
  }

  /// The crop is the picture's: about the centre, to the aspect ratio.
  @Test func fittingTakesTheNearestClass() {
    let wide = ClassPicture(
      width: 6, height: 2, classes: [9, 1, 1, 2, 2, 9, 9, 3, 3, 4, 4, 9])
    #expect(wide.fitted(width: 2, height: 2).classes == [1, 2, 3, 4])
    #expect(
      wide.fitted(width: 4, height: 4).classes
        == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4])
    #expect(wide.fitted(width: 6, height: 2) == wide)
  }
}
