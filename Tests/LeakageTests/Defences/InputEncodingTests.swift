import Foundation
import ModelIO
import TensorGraph
import Testing

@testable import Clients
@testable import Defences
@testable import Solvers

/// Defences that change the images, or add others'.
@Suite struct InputEncodingTests {
  private func transformed(_ goldens: [String: Tensor], _ key: String) throws -> (
    ours: [UInt8], expected: [UInt8]
  ) {
    let parts = key.split(separator: "-", maxSplits: 2).map(String.init)
    let kinds: [String: Transformation.Kind] = [
      "color": .color, "contrast": .contrast, "brightness": .brightness, "sharpness": .sharpness,
      "translateX": .translateX, "translateY": .translateY, "shearY": .shearY, "rotate": .rotate,
      "posterize": .posterize, "solarize": .solarize, "autocontrast": .autocontrast,
      "equalize": .equalize, "invert": .invert,
    ]
    let input = try #require(goldens["transform-input"]).converted(to: .f64)
    var image = EightBitImage(Tensor(input.shape, .f64(input.doubles.map { $0 / 255 })))
    Transformation(try #require(kinds[parts[0]]), try #require(Int(parts[1])))
      .apply(to: &image, sign: try #require(Double(parts[2])))
    return (image.values, try #require(goldens[key]).doubles.map { UInt8($0) })
  }

  /// Every transformation to the last bit as Pillow; see scripts/fixtures/defences.py.
  @Test func transformsAsPillow() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let goldens = try SafetensorsFile(
      contentsOf: folder.appendingPathComponent("Fixtures/defences/transforms.safetensors").path
    ).tensors()
    #expect(goldens.count == 21)
    for key in goldens.keys.sorted() where key != "transform-input" {
      let (ours, expected) = try transformed(goldens, key)
      let wrong = zip(ours, expected).count { $0 != $1 }
      #expect(wrong == 0, "\(key): \(wrong) of \(expected.count)")
    }
  }

  private let shape: Shape = [2, 3, 8, 8]

  private func batch(_ count: Int) -> Tensor {
    var source = RandomSource(seed: 2)
    return source.uniformTensor(Shape([count, 3, 8, 8]), .f64)
  }

  private func encode(
    _ spec: String, _ images: Tensor, _ labels: [Int], companions: Int = 0, seed: UInt64 = 0
  ) throws -> EncodedBatch {
    var source = RandomSource(seed: 77)
    let others = (0..<companions).map {
      Companion(image: source.uniformTensor([3, 8, 8], .f64), label: $0 % 5)
    }
    return try DefencePipeline(try DefenceChain(spec), seed: seed).encode(
      images: images, labels: labels, classCount: 5, companions: others)
  }

  @Test func nothingChangesWithoutAnInputDefence() throws {
    let images = batch(2)
    let encoded = try encode("gaussian:1", images, [1, 4])
    #expect(encoded.images == images)
    #expect(encoded.labels == [1, 4])
    #expect(encoded.encodings == nil)
  }

  /// λ xᵢ + (1 - λ) xⱼ with the labels' shares: from the shares the mixture can be told.
  @Test func mixupMixesImagesAndLabelsAlike() throws {
    let images = batch(2)
    for seed in 0..<6 as Range<UInt64> {
      let encoded = try encode("mixup", images, [1, 4], seed: seed)
      let values = images.doubles
      let size = values.count / 2
      for (index, shares) in encoded.shares.enumerated() {
        #expect(abs(shares.reduce(0, +) - 1) < 1e-12)
        for pixel in 0..<size {
          let mixture = shares[1] * values[pixel] + shares[4] * values[size + pixel]
          #expect(abs(encoded.images.doubles[index * size + pixel] - mixture) < 1e-12)
        }
      }
      #expect(encoded.encodings?.count == 2)
    }
    // A single image is mixed with a companion.
    #expect(try encode("mixup", batch(1), [0], companions: 1).images != batch(1))
    #expect(throws: AttackError.self) { try encode("mixup", batch(1), [0]) }
  }

  /// Beta(α, α) has mean 1/2 and variance 1 / (4 (2 α + 1)).
  @Test(arguments: [0.2, 1, 4]) func sharesAreBeta(_ concentration: Double) {
    var source = RandomSource(seed: 4)
    let draws = (0..<40_000).map { _ in source.beta(concentration) }
    let mean = draws.reduce(0, +) / 40_000
    let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 40_000
    #expect(abs(mean - 0.5) < 0.01)
    #expect(abs(variance * 4 * (2 * concentration + 1) - 1) < 0.05)
  }

  /// Up to each pixel's sign about mid-grey an InstaHide encoding is a mixture with shares of at most
  /// 0.65.
  @Test func instaHideTurnsSigns() throws {
    let images = batch(1)
    let encoded = try encode("instahide:3", images, [2], companions: 4)
    let shares = encoded.shares[0]
    #expect(abs(shares.reduce(0, +) - 1) < 1e-12)
    var source = RandomSource(seed: 1)
    for _ in 0..<100 { #expect(source.cappedShares(2, cap: 0.65).allSatisfy { $0 <= 0.65 }) }
    let own = try #require(encoded.encodings)[0].doubles
    #expect(own.allSatisfy { (0...1).contains($0) })
    // Two encodings differ in about half of the signs.
    #expect(throws: AttackError.self) { try encode("instahide:3", images, [2], companions: 1) }
    #expect(try encode("instahide:3", images, [2], companions: 4, seed: 1).images != encoded.images)
  }

  @Test func secureAggregationAddsOtherClientsImages() throws {
    let images = batch(2)
    let encoded = try encode("secure-aggregation:3", images, [1, 4], companions: 5)
    #expect(encoded.images.shape == [6, 3, 8, 8])
    #expect(Array(encoded.images.doubles.prefix(images.doubles.count)) == images.doubles)
    #expect(encoded.labels?.count == 6)
    #expect(encoded.labels?.prefix(2) == [1, 4])
    #expect(throws: AttackError.self) { try encode("secure-aggregation:3", images, [1, 4]) }
  }

  @Test func policiesAreReadAndDrawn() throws {
    #expect(
      try DefenceChain("transform:3-1-7/43-18-18+fp16").description
        == "transform:3-1-7/43-18-18+fp16")
    for wrong in ["", "50", "3-", "3-1-7/", "a", "1-1-1-1-1-1-1-1-1", "-1"] {
      #expect(throws: DefenceError.self) { try TransformPolicy(wrong) }
    }
    let images = batch(1)
    let encoded = try encode("transform:29", images, [0])
    // Number 29 inverts.
    for (ours, original) in zip(encoded.images.doubles, images.doubles) {
      #expect(abs(ours - (1 - original)) <= 0.5 / 255 + 1e-12)
    }
    // Either of two policies.
    let drawn = Set(
      try (0..<12).map { try encode("transform:29/28", images, [0], seed: $0).images.doubles[0] })
    #expect(drawn.count == 2)
  }

  @Test(arguments: [
    ("fp16+mixup", "acts before"), ("mixup+transform:3", "last that changes images"),
    ("secure-aggregation:2+prune:0.1", "only noise is simulated"),
    ("secure-aggregation:1", "from 2 to"), ("lora:2+lora:2", "once"),
    ("prune:0.1+lora:2", "acts before"), ("instahide:1", "from 2 to"),
  ])
  func impossibleChainsAreRefused(_ text: String, _ part: String) {
    let error = #expect(throws: DefenceError.self) { try DefenceChain(text) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }
}
