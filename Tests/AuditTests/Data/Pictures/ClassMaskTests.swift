import Clients
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Audit

@Suite struct ClassMaskTests {
  private func path(_ name: String) -> String { "\(fixtures)/segmentation/\(name)" }

  private func mask(_ text: String, _ positions: Shape = [8, 8], classes: Int = 3) throws
    -> ClassMask
  {
    try ClassMask(ExampleLabel(text), positions: positions, classCount: classes)
  }

  @Test func picturesAndArraysAgree() throws {
    let picture = try mask(path("mask-0.png"))
    #expect(picture.note == nil && Set(picture.classes) == [0, 1, 2])
    #expect(try mask(path("mask-0.npy")) == picture)
    let small = try mask(path("mask-0.png"), [4, 4])
    #expect(small.classes.count == 16 && small.note == "mask resized from 8x8")
    // An array is as the model has it, or it is another's.
    #expect(throws: FileError.self) { try mask(path("mask-0.npy"), [4, 4]) }
  }

  @Test func twoClassesMayBeBlackAndWhite() throws {
    let binary = try mask(path("binary-mask.png"), classes: 2)
    #expect(Set(binary.classes) == [0, 1] && binary.note?.contains("255") == true)
    #expect { try mask(path("binary-mask.png")) } throws: { "\($0)".contains("ignore_index") }
  }

  @Test(arguments: ["3", "none", "random:", "random:x", "nowhere.png"])
  func otherLabelsAreRefused(_ text: String) {
    #expect(throws: (any Error).self) { try mask(text) }
  }

  @Test func classesThatTheModelLacksAreNamed() {
    #expect { try mask(path("mask-0.png"), classes: 2) } throws: {
      "\($0)".contains("class 2 at row 1, column 7")
    }
  }

  @Test func drawnMasksHaveEveryClassAndASeed() throws {
    let drawn = try mask("random:7")
    #expect(Set(drawn.classes) == [0, 1, 2])
    #expect(try mask("random:7") == drawn)
    #expect(try mask("random:8") != drawn)
  }
}

@Suite struct MaskResultTests {
  @Test func measuresAgainstTheTruth() throws {
    let result = MaskResult([0, 0, 1, 2], truth: [0, 0, 0, 1], height: 2, width: 2)
    #expect(result.rightShare?.value == 0.5 && result.commonestShare?.value == 0.75)
    // 2 of 3 pixels of class 0, none of 2 of class 1.
    #expect(abs((result.meanIoU?.value ?? 0) - (2.0 / 3 + 0) / 2) < 1e-15)
    #expect(result.isRight == false)
    #expect(result.words == "mask 50 % right (its commonest class 75 %)")
    #expect(MaskResult([1], truth: nil, height: 1, width: 1).isRight == nil)
    let whole = MaskResult([1, 0], truth: [1, 0], height: 1, width: 2)
    #expect(whole.isRight == true && whole.shortWords == "mask 100 %")
  }

  /// One wrong pixel of two hundred is right enough, and is not called all of it.
  @Test func sharesAreRoundedDown() {
    var found = [Int](repeating: 1, count: 3000)
    let truth = found
    found[0] = 0
    let result = MaskResult(found, truth: truth, height: 1, width: 3000)
    #expect(result.isRight == true && result.shortWords == "mask 99.9 %")
  }
}
