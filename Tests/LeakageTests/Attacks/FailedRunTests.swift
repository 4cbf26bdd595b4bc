import CPUBackend
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Texts

/// What asks the backend besides a search says that it failed, and never takes that for "cannot be told".
struct FailedRunTests {
  private func kind(of body: () throws -> Void) -> AttackError.Kind? {
    #expect(throws: AttackError.self) { try body() }?.kind
  }

  /// The last runs of all measure how far off the solution may be.
  @Test func conditioning() throws {
    let client = try AttackedClient.leNet()
    let configuration = AttackConfiguration(attack: .levenbergMarquardt, trials: 1)
    let whole = CountingBackend()
    #expect(try client.attack(configuration, backend: whole).diagnosis?.impliedError != nil)
    for missing in [1, 2, 8] {
      let backend = CountingBackend(runLimit: whole.runCount - missing)
      #expect(
        kind { _ = try client.attack(configuration, backend: backend) } == .backendFailed,
        "\(missing) runs before the end")
    }
  }

  @Test func tokensOfATiedEmbedding() throws {
    let model = WeightedTextModel(
      untrained: try TextModel(
        TextModelConfiguration(
          architecture: .gpt2, vocabularySize: 60, width: 16, layers: 1, heads: 2, positions: 8,
          head: .languageModel, initializerRange: 0.2)), seed: 1)
    let update = try model.share(
      TextBatch(tokens: [[5, 9, 3, 7]], labels: .nextTokens), dtype: .f64,
      backend: AttackedClient.backend)
    #expect(
      try BagOfWords.read(update, model: model.model, backend: AttackedClient.backend)?.isTied
        == true)
    let failing = CountingBackend(runLimit: 0)
    #expect(
      kind { _ = try BagOfWords.read(update, model: model.model, backend: failing) }
        == .backendFailed)
  }

  @Test func truth() throws {
    let client = try AttackedClient.leNet()
    let failing = CountingBackend(runLimit: 0)
    #expect(
      kind {
        _ = try TruthCheck(
          client.update, client.weighted, images: client.images, labels: client.labels,
          mode: .evaluation, backend: failing)
      } == .backendFailed)
  }

  @Test func labelsOfLocalSteps() throws {
    let client = try AttackedClient.leNet(labels: [0, 3])
    let training = try LocalTraining(
      exampleCount: 2, miniBatchSize: 2, epochs: 2, learningRate: 0.1)
    let update = try client.weighted.share(
      images: client.images, labels: client.labels, training: training,
      backend: AttackedClient.backend)
    func labels(_ backend: any Backend) throws -> [Int]? {
      try LabelRecovery.labels(
        of: update, after: training, client.weighted, seed: 0, backend: backend)
    }
    #expect(try labels(AttackedClient.backend)?.count == 2)
    #expect(kind { _ = try labels(CountingBackend(runLimit: 0)) } == .backendFailed)
  }

  @Test func plantedWeights() throws {
    let weighted = try AttackedClient.leNet().weighted
    let tensors = zip(weighted.model.parameters.map(\.name), weighted.parameters).map {
      (name: $0, tensor: $1)
    }
    let check = PlantedWeightCheck(
      samples: { shape, count in (0..<count).map { _ in Tensor(shape, .f64, repeating: 0.5) } },
      backend: CountingBackend(runLimit: 0))
    #expect(throws: GraphError.self) { try check.findings(in: tensors) }
    #expect(throws: GraphError.self) { try check.findings(in: weighted) }
  }
}
