import Leakage
import Testing

@testable import Audit

/// A result of the given quality; class 3 is right.
func result(
  _ psnr: Double, label: Int = 3, grey: Double = 10, name: String = "image"
) -> ImageResult {
  ImageResult(
    name: name, preparation: nil, meanSquaredError: 0.1, psnr: psnr, ssim: nil, trueLabel: 3,
    recoveredLabel: label, randomGuessPSNR: 7, greyImagePSNR: grey)
}

private func grade(_ images: [ImageResult], classes: Int = 10) -> LeakageGrade {
  LeakageGrade(
    images.map { LeakLevel($0) }, labels: SuccessRate(images.compactMap(\.isLabelRight)),
    classCount: classes)
}

@Suite struct LeakageGradeTests {
  @Test func levels() {
    #expect(LeakLevel(result(40)) == .full)
    #expect(LeakLevel(result(60, label: 2)) == .recognisable)
    #expect(LeakLevel(result(20)) == .recognisable)
    #expect(LeakLevel(result(19.99)) == .label)
    #expect(LeakLevel(result(19.99, label: 2)) == .nothing)
    // A dull picture looks like a grey one.
    #expect(LeakLevel(result(22, grey: 19.5)) == .label)
    #expect(LeakLevel(result(.nan, label: 1)) == .nothing)
  }

  @Test func lettersFollowTheirDefinitions() {
    let (full, told, label) = (result(50), result(25), result(12))
    #expect(grade([full]) == .F)
    #expect(grade([full, told]) == .F)
    #expect(grade([full, told, told]) == .E)
    #expect(grade([told, label]) == .D)
    #expect(grade([told, label, label]) == .C)
    #expect(grade([label]) == .B)
    #expect(grade(Array(repeating: label, count: 30)) == .B)
  }

  @Test func anATakesEnoughImagesAndLabelsAtChance() {
    let nothing = result(12, label: 4)
    #expect(grade(Array(repeating: nothing, count: 15)) == .B)
    #expect(grade(Array(repeating: nothing, count: 16)) == .A)
    // Two of sixteen right is what chance gives with ten classes, eight of sixteen is not.
    let mixed = { (right: Int) in
      Array(repeating: nothing, count: 16 - right) + Array(repeating: result(12), count: right)
    }
    #expect(grade(mixed(2)) == .A)
    #expect(grade(mixed(8)) == .B)
    #expect(SuccessRate(successes: 0, count: LeakageGrade.imagesForA).interval.upperBound < 0.2)
  }

  @Test func theBestAttackOnAnImageCounts() {
    let weak = sampleRecord(images: [result(12)], attack: .dlg)
    let strong = sampleRecord(images: [result(45)], attack: .automatic)
    let other = sampleRecord(images: [result(12)], attack: .dlg, update: "other")
    let verdict = LeakageVerdict([weak, strong, other])
    #expect(verdict.images.map(\.psnr?.value) == [45, 12])
    #expect(verdict.full == SuccessRate(successes: 1, count: 2))
    #expect(verdict.highestPSNR == 45)
  }

  @Test func undefendedUpdatesAreJudgedWhereThereAreAny() throws {
    let chain = try DefenceChain("gaussian:0.1")
    let defended = sampleRecord(images: [result(12)], defence: chain)
    #expect(LeakageVerdict([sampleRecord(images: [result(45)]), defended]).grade == .F)
    let alone = LeakageVerdict([defended])
    #expect(alone.grade == .B && alone.isDefended)
    #expect(alone.sentences[0].contains("from defended updates"))
  }

  @Test func withoutOriginalsTheDiagnosisDecides() {
    let unknown = ImageResult(name: "a", recoveredLabel: 4)
    #expect(LeakLevel(unknown) == .nothing)
    let verdict = LeakageVerdict([sampleRecord(images: [unknown])])
    #expect(verdict.grade == .B && verdict.labels.count == 0)
    #expect(verdict.sentences.contains { $0.contains("not known: 1 of 1") })
    #expect(!verdict.sentences.contains { $0.contains("nan") })
  }

  @Test func nothingIsNoVerdict() {
    #expect(LeakageVerdict([]).sentences == ["There are no runs on images to judge."])
    #expect(LeakageVerdict([]).highestPSNR == -.infinity)
  }
}
