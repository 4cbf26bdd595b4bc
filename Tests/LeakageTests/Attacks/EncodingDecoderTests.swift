import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Defences
@testable import Solvers

/// InstaHide decoded from many encodings, and the labels' shares that it needs.
@Suite struct EncodingDecoderTests {
  private static let shape: Shape = [3, 6, 6]

  /// Smooth images around mid-grey, their channels alike as those of photographs are.
  private func images(_ count: Int) -> [Tensor] {
    var source = RandomSource(seed: 4)
    return (0..<count).map { _ in
      let level = source.uniform(in: 0.1..<0.2)
      let slope = (source.uniform(in: -0.1..<0.1), source.uniform(in: -0.1..<0.1))
      let values = (0..<108).map { element -> Double in
        let (channel, row, column) = (element / 36, element / 6 % 6, element % 6)
        let plane = level + slope.0 * Double(row) / 5 + slope.1 * Double(column) / 5
        return 0.5 + plane * (1 + 0.1 * Double(channel))
      }
      return Tensor(EncodingDecoderTests.shape, .f64(values))
    }
  }

  private func observations(
    _ images: [Tensor], mixed: Int, count: Int
  ) throws -> [EncodingDecoder.Observation] {
    var pipeline = DefencePipeline(try DefenceChain("instahide:\(mixed)"), seed: 2)
    return try (0..<count).map { round in
      let own = round % images.count
      let batch = try pipeline.encode(
        images: stacked([images[own]]), labels: [own], classCount: 6,
        companions: images.indices.filter { $0 != own }.map {
          Companion(image: images[$0], label: $0)
        })
      // A round counts when its update is made.
      _ = pipeline.apply([Tensor([1], .f64([0]))], batchSize: 1)
      return EncodingDecoder.Observation(
        encoding: unstacked(batch.images)[0], shares: batch.shares[0])
    }
  }

  @Test(arguments: [2, 3]) func imagesComeBackUpToOneSign(_ mixed: Int) throws {
    let images = images(4)
    let result = try EncodingDecoder().decode(
      try observations(images, mixed: mixed, count: 24), seed: 0)
    #expect(result.labels == [0, 1, 2, 3])
    #expect(result.solvedShare > 0.99)
    let sign = (result.images[0].doubles[0] - 0.5) * (images[0].doubles[0] - 0.5) < 0 ? -1.0 : 1
    let errors = zip(result.images, images).flatMap { found, truth in
      zip(found.doubles, truth.doubles).map { abs(sign * ($0 - 0.5) - ($1 - 0.5)) }
    }
    #expect((errors.max() ?? 1) < 1e-3)
  }

  @Test func tooFewEncodingsAreRefused() throws {
    let few = try observations(images(4), mixed: 2, count: 6)
    let message = attackErrorMessage { _ = try EncodingDecoder().decode(few, seed: 0) }
    #expect(message?.contains("too few") == true)
    #expect(attackErrorMessage { _ = try EncodingDecoder().decode([], seed: 0) } != nil)
  }

  /// The last layer's gradient gives a mixed label's shares to rounding.
  @Test func sharesAreReadOffTheLastLayer() throws {
    let client = try AttackedClient.leNet()
    let truth = [0.2, 0, 0.5, 0.3, 0]
    let step = try client.weighted.step(
      images: client.images, labels: Tensor([1, 5], .f64(truth)), form: .probabilities,
      loss: .meanCrossEntropy, training: nil, mode: .evaluation, backend: AttackedClient.backend)
    let found = try #require(LabelRecovery.shares(of: step.update, client.weighted))
    for (found, truth) in zip(found, truth) { #expect(abs(found - truth) < 1e-9) }
  }
}
