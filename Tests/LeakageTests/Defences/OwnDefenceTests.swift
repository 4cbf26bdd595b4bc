import CPUBackend
import Clients
import Defences
import Solvers
import TensorGraph
import Testing

struct GridRounding: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "grid", parameters: [DefenceDescriptor.Parameter("step", 1e-12...1e3)],
    summary: "rounds every number to a multiple of STEP",
    source: "Gersho and Gray 1992, chapter 5",
    answer: DefenceDescriptor.Answer("weighs each tensor by its rounding error"),
    strength: DefenceDescriptor.Strength("step of the grid"),
    strengths: DefenceDescriptor.Strengths([1e-4, 1e-3, 1e-2].map { GridRounding(step: $0) }),
    priced: [GridRounding(step: 1e-3)],
    make: { GridRounding(step: $0[0]) })

  let step: Double
  var values: [Double] { [step] }

  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.changeParts { part in
      part.values = part.values.map { ($0 / step).rounded() * step }
      part.noiseVariance += step * step / 12
    }
  }
}

/// One that changes each image alone.
private struct Negative: ImageDefence {
  static let descriptor = DefenceDescriptor(
    name: "negative", summary: "turns light into dark", source: "none",
    answer: DefenceDescriptor.Answer("none"), make: { _ in Negative() })

  func transform(_ image: Tensor, using source: inout RandomSource) -> Tensor {
    Tensor(image.shape, .f64(image.doubles.map { 1 - $0 }))
  }
}

/// A defence that the catalogue does not know, with the public interface alone.
@Suite struct OwnDefenceTests {
  private static let kinds = DefenceCatalog.all + [GridRounding.descriptor, Negative.descriptor]

  private func chain(_ text: String) throws -> DefenceChain {
    try DefenceChain(text, among: Self.kinds)
  }

  @Test func itsShortFormIsReadAndWritten() throws {
    #expect(try chain("grid:1e-2+fp16").description == "grid:0.01+fp16")
    #expect(GridRounding.descriptor.usage == "grid:STEP")
    for (text, part) in [
      ("grid", "takes the form grid:STEP"), ("grid:0", "the step of grid"), ("gird:1", "grid?"),
      ("grid:1+dp-sgd:1,1", "must be the first"), ("grid:1+negative", "acts before"),
    ] {
      let error = #expect(throws: DefenceError.self) { try chain(text) }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
  }

  @Test func itActsAndTellsItsError() throws {
    let gradient = Tensor([4], .f64([0.12, -0.26, 0.5, 0.04]))
    var pipeline = DefencePipeline(try chain("grid:0.1"), seed: 0)
    let shared = pipeline.apply([gradient], batchSize: 1)
    for (sent, expected) in zip(shared.update.gradients[0].doubles, [0.1, -0.3, 0.5, 0]) {
      #expect(abs(sent - expected) < 1e-12)
    }
    #expect(abs(shared.noiseVariances[0] - 0.01 / 12) < 1e-15)
    #expect(shared.counterAttack.noiseVariance > 0 && !shared.counterAttack.isNone)
  }

  /// What the descriptor does not grant is refused before anything runs.
  @Test func itIsRefusedWhereItCannotAct() throws {
    let clients = try LocalTraining(clientSizes: [1, 1], miniBatchSize: 1, learningRate: 0.1)
    #expect(throws: AttackError.self) {
      try chain("grid:0.1").check(for: DefenceSetting(batchSize: 1, training: clients))
    }
    #expect(throws: Never.self) {
      try chain("grid:0.1").check(for: DefenceSetting(data: .texts, batchSize: 1))
    }
    let error = #expect(throws: AttackError.self) {
      try chain("negative").check(for: DefenceSetting(data: .texts, batchSize: 1))
    }
    #expect(error?.message.contains("texts") == true)
    #expect(throws: AttackError.self) {
      try chain("negative").check(for: DefenceSetting(data: "readings", batchSize: 1))
    }
  }

  @Test func itsImagesAreEncoded() throws {
    let images = Tensor([1, 1, 1, 2], .f64([0.25, 1]))
    let encoded = try DefencePipeline(try chain("negative"), seed: 0).encode(
      images: images, labels: [0], classCount: 2)
    #expect(encoded.images.doubles == [0.75, 0] && encoded.encodings?[0].doubles == [0.75, 0])
  }
}
