import Audit
import Foundation
import ModelIO
import TestSupport
import Testing

/// Segmentations: masks as labels of pictures.
struct SegmentationCommandTests {
  private let folder = TestFolder()
  private let files = "\(fixtures)/segmentation"

  private func run(_ arguments: String) throws -> ToolRun {
    try BuiltTool.run(arguments.split(separator: " ").map(String.init), in: folder.path)
  }

  /// PyTorch's gradient of two pictures with their masks, neither known.
  @Test func aSharedBatchComesBackWithItsMasks() throws {
    let run = try run(
      "reconstruct --model \(files)/net.onnx --update \(files)/both.safetensors --batch-size 2 "
        + "--truth \(files)/images.npy --out out")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("Both images came back exactly"), "\(run.output)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.images.allSatisfy { $0.mask?.rightShare == nil && $0.mask?.height == 8 })
    // The masks follow their images: the first is the one of the palette.
    let numbers = try #require(record.images[0].mask?.numbers)
    let found = try NPYFile.read(folder("out/" + numbers)).tensor
    #expect(found.shape == [8, 8])
    let mask = try ClassPicture(contentsOf: "\(files)/mask-0.png")
    #expect(found.doubles == mask.classes.map(Double.init))
    #expect(FileManager.default.fileExists(atPath: folder("out/images-1-mask.png")))
    let report = try self.run("report out --out report.html")
    #expect(report.status == 0, "\(report.errors)")
  }

  @Test func givenMasksAreChecked() throws {
    let start =
      "reconstruct --model \(files)/net.onnx --update \(files)/one.safetensors "
      + "--truth \(files)/image.npy --json "
    let right = try run(start + "--labels \(files)/mask-0.png")
    let record = try #require(
      try RunRecord.read(bytes: Array(right.output.utf8), path: "").first)
    #expect(record.truthCheck?.fits == true && record.images[0].isLabelGiven == true)
    let wrong = try run(start + "--labels \(files)/mask-1.png --time-limit 1")
    let other = try #require(
      try RunRecord.read(bytes: Array(wrong.output.utf8), path: "").first)
    #expect(other.truthCheck?.fits == false)
  }

  /// A simulated client with a mask drawn from the seed; the record's command draws the same.
  @Test func simulatedClientsHaveMasks() throws {
    let run = try run(
      "reconstruct coffee --model unet --size 8 --width 2 --attack dlg --iterations 3 --out out")
    #expect(run.status == 0, "\(run.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.experiment?.data.labels?.first?.text.hasPrefix("random:") == true)
    #expect(record.images[0].mask?.commonestShare != nil)
  }

  @Test(arguments: [
    ("reconstruct coffee --model unet --size 8 --labels 3", "give a mask for each picture"),
    ("reconstruct coffee --model unet --size 8 --defence mixup:4", "whose masks would have"),
    ("reconstruct coffee --model unet --size 8 --attack peeling", "one label for each image"),
    ("reconstruct coffee --model unet --size 10", "multiples of 4"),
    ("malicious --model unet", "labels each pixel"),
    ("infer membership coffee --model unet --size 8", "labels each pixel"),
    ("federation --model unet", "labels each pixel"),
    ("bench labels --models unet", "labels each pixel"),
    ("table --model unet", "There is no table"),
    ("analyse coffee --model unet --size 8", "labels each pixel"),
    ("price --model unet", "labels each pixel"),
  ])
  func whatMasksDoNotFitIsSaid(_ arguments: String, _ words: String) throws {
    let run = try run(arguments)
    let text = run.errors.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(run.status == 2 && text.contains(words), "\(run.errors)\(run.output)")
  }
}
