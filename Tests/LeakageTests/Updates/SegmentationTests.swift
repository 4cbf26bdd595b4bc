import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Attacks
@testable import Clients
@testable import Defences

/// Models with logits for each pixel, beside PyTorch's gradients: `scripts/fixtures/segmentation.py`.
@Suite struct SegmentationTests {
  private func path(_ name: String) -> String { "\(fixtures)/segmentation/\(name)" }

  private static let masks: [[Int]] = [
    (0..<64).map { place in
      let (row, column) = (place / 8, place % 8)
      return row + column < 6 ? 0 : column > 4 ? 2 : 1
    },
    (0..<64).map { $0 / 8 > 3 ? 2 : $0 % 8 / 4 },
  ]

  private func imported(_ name: String, _ batchSize: Int) throws -> ImportedModel {
    try ImportedModel(contentsOf: path(name), ImportOptions(batchSizes: [batchSize]))
  }

  private func images(_ count: Int) throws -> Tensor {
    let all = try NPYFile.read(path("images.npy")).tensor
    return Tensor([count, 3, 8, 8], .f64(Array(all.doubles.prefix(count * 192))))
  }

  @Test(arguments: [("one", 1), ("both", 2)])
  func gradientsArePyTorchs(_ name: String, _ count: Int) throws {
    let net = try imported("net.onnx", count)
    #expect(net.weighted.model.labelPositions == [8, 8] && net.weighted.model.classCount == 3)
    #expect(net.notes.contains { "\($0)".contains("segmentation") })
    let own = try net.weighted.share(
      images: images(count), labels: SegmentationTests.masks.prefix(count).flatMap(\.self),
      backend: AttackedClient.backend)
    try expectEqual(own, name, net)
  }

  @Test func binaryMasksHaveOneLogit() throws {
    let net = try imported("binary.onnx", 1)
    #expect(net.weighted.model.labelPositions == [8, 8] && net.weighted.model.classCount == 1)
    #expect(net.ending == .sigmoid)
    let own = try net.weighted.share(
      images: images(1), labels: SegmentationTests.masks[0].map { min($0, 1) },
      loss: ClientLoss(.binaryCrossEntropy), backend: AttackedClient.backend)
    try expectEqual(own, "binary", net)
  }

  /// DP-SGD takes each example with all labels of its pixels.
  @Test func gradientsOfSingleExamplesHaveTheirMasks() throws {
    let net = try imported("net.onnx", 2)
    // One program for both batch sizes.
    let model = try ImportedModel(
      contentsOf: path("net.onnx"), ImportOptions(batchSizes: [1, 2])
    ).weighted
    let labels = SegmentationTests.masks.flatMap(\.self)
    var pipeline = DefencePipeline(try DefenceChain("dp-sgd:1e9,0"), seed: 0)
    let defended = try model.share(
      images: images(2), labels: labels, through: &pipeline, backend: AttackedClient.backend)
    try expectEqual(defended.update, "both", net)
    #expect(defended.labels == labels)
  }

  private func expectEqual(
    _ own: SharedUpdate, _ name: String, _ net: ImportedModel
  ) throws {
    let file = try UpdateFile(
      contentsOf: path(name + ".safetensors"), for: net.weighted.model, wanted: net.wanted,
      UpdateReading(batchSize: own.batchSize, loss: own.loss))
    for (index, spec) in net.weighted.model.parameters.enumerated() {
      let (mine, theirs) = (own.gradients[index], file.update.gradients[index])
      #expect(mine.squaredDistance(to: theirs) < 1e-24 * theirs.squaredNorm, "\(spec.name)")
    }
  }

  /// Image and mask of PyTorch's gradient, from nothing.
  @Test func imageAndMaskComeBack() throws {
    let net = try imported("net.onnx", 1)
    let file = try UpdateFile(
      contentsOf: path("one.safetensors"), for: net.weighted.model, wanted: net.wanted,
      UpdateReading(batchSize: 1))
    let problem = try AttackProblem(
      net.weighted, update: file.update, configuration: AttackConfiguration(),
      backend: AttackedClient.backend)
    let result = try problem.run()
    #expect(result.labels == SegmentationTests.masks[0])
    let distance = result.images.squaredDistance(to: try images(1))
    #expect(distance < 1e-16, "\(distance)")
    let diagnosis = try #require(result.diagnosis)
    #expect(diagnosis.verdict == .recovered)
    // Pixels, and all but one probability for each of their classes.
    #expect(diagnosis.unknowns == 192 + 64 * 2)
    #expect(diagnosis.equationBound.map { $0 >= 320 } == true)
  }

  /// With the mask sought, what the gradient has of an image is not all that it has to tell.
  @Test func masksAreUnknownsToo() throws {
    let model = try ModelCatalog.model(
      named: "unet", ModelOptions(inputShape: [1, 4, 4], classCount: 3, width: 1))
    let client = try AttackedClient(model, labels: [Int](repeating: 1, count: 16))
    func problem(_ labels: [Int]?) throws -> AttackProblem {
      try AttackProblem(
        client.weighted, update: client.update, configuration: AttackConfiguration(),
        knownLabels: labels, backend: AttackedClient.backend)
    }
    let sought = try problem(nil)
    #expect(sought.unknownCount == 16 + 32 && sought.equationBound <= 48)
    let given = try problem(client.labels)
    #expect(given.unknownCount == 16 && given.equationBound <= 16)
    #expect(throws: AttackError.self) { try problem([1]) }
    #expect { try sought.run(ResidualPeelingAttack()) } throws: {
      "\($0)".contains("labels [4, 4] positions of it")
    }
  }
}
