import Foundation
import ModelIO
import TensorGraph
import Testing

@testable import Defences
@testable import Solvers

/// Deterministic defences against PyTorch; see scripts/fixtures/defences.py.
@Suite struct DefenceGoldenTests {
  private let goldens: [String: Tensor]

  init() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    goldens = try SafetensorsFile(
      contentsOf: folder.appendingPathComponent("Fixtures/defences/goldens.safetensors").path
    ).tensors()
  }

  private func golden(_ name: String) throws -> Tensor { try #require(goldens[name]) }

  private func defended(_ spec: String, _ tensor: Tensor) throws -> [Double] {
    var pipeline = DefencePipeline(try DefenceChain(spec), seed: 0)
    return pipeline.apply([tensor], batchSize: 1).update.gradients[0].doubles
  }

  @Test(arguments: FloatFormat.allCases) func roundsAsPyTorch(_ format: FloatFormat) throws {
    let values = try golden("values").doubles
    let expected = try golden(format.rawValue).doubles
    for (value, expected) in zip(values, expected) where format.rounded(value) != expected {
      Issue.record("\(format.rawValue) of \(value): \(format.rounded(value)), not \(expected)")
    }
  }

  @Test func infinitiesSaturateAndNaNStays() {
    for format in FloatFormat.allCases {
      #expect(format.rounded(.infinity) == format.largest)
      #expect(format.rounded(-1e300) == -format.largest)
      #expect(format.rounded(.nan).isNaN)
    }
  }

  /// Eight-bit floats use the type's range, whatever the tensor's: no error beyond half a step.
  @Test func shortFloatsAreScaled() throws {
    let gradient = try golden("gradient").converted(to: .f64)
    let tiny = Tensor(gradient.shape, .f64(gradient.doubles.map { $0 * 0x1p-40 }))
    let (near, far) = (try defended("fp8-e4m3", gradient), try defended("fp8-e4m3", tiny))
    #expect(far == near.map { $0 * 0x1p-40 })
    for (rounded, exact) in zip(near, gradient.doubles) where abs(exact) > 1e-4 {
      #expect(abs(rounded - exact) <= abs(exact) / 16)
    }
  }

  @Test(arguments: ["int8", "prune:0.3", "prune:0.75", "top-k:0.1"])
  func compressesAsPyTorch(_ spec: String) throws {
    let name = spec.replacing(":", with: "-")
    let expected = try golden(name).doubles
    let result = try defended(spec, golden("gradient").converted(to: .f64))
    for (left, right) in zip(result, expected) { #expect(abs(left - right) <= 1e-9) }
  }

  @Test func deepGradientCompressionRemembersWhatItKeptBack() throws {
    var pipeline = DefencePipeline(try DefenceChain("dgc:0.1,0.9"), seed: 0)
    for round in 0..<3 {
      let gradient = try golden("dgc-gradient-\(round)").converted(to: .f64)
      let sent = pipeline.apply([gradient], batchSize: 1).update.gradients[0].doubles
      let expected = try golden("dgc-sent-\(round)").doubles
      for (left, right) in zip(sent, expected) { #expect(abs(left - right) < 1e-12) }
    }
  }

  @Test func clipsExamplesOneByOne() throws {
    let rows = try golden("examples").doubles
    let examples = (0..<4).map { [Array(rows[$0 * 30..<($0 + 1) * 30])] }
    var source = RandomSource(seed: 0)
    let (mean, wasClipped) = DPSGD.clippedMean(
      examples, norm: 0.8, noiseMultiplier: 0, using: &source)
    #expect(wasClipped)
    for (left, right) in zip(mean[0], try golden("clipped-mean").doubles) {
      #expect(abs(left - right) < 1e-12)
    }
  }
}
