import Attacks
import Clients
import TensorGraph
import Testing

@Suite struct MapRanksTests {
  @Test func equationsAreCountedThroughSkips() throws {
    let model = try ModelCatalog.model(
      named: "resnet20", ModelOptions(inputShape: [3, 16, 16], width: 12))
    let weighted = WeightedModel(
      model: model, parameters: model.initialParameters(seed: 0, dtype: .f64).map(\.tensor),
      buffers: model.initialBuffers(dtype: .f64).map(\.tensor))
    let analysis = try RankAnalysis(weighted, seed: 1, backend: AttackedClient.backend)
    #expect(analysis.countsWeightGradientsAlone && !analysis.isDetermined)
    // All but the stem's pixels and the last layer, whose input is pooled.
    #expect(analysis.layers.count == 19)
    let first = try #require(analysis.layers.first)
    #expect(first.name == "layer3.2.conv2.weight")
    // 48 channels of 4x4 positions; 9 taps of 48 outputs for each.
    #expect(first.unknowns == 768 && first.equations == 48 * 9 * 48 && first.rank == 768)
    // In the first stage 108 equations meet 256 positions of each of 12 channels.
    let stage = try #require(analysis.layers.first { $0.name == "layer1.0.conv1.weight" })
    #expect(stage.unknowns == 3072 && stage.rank == 12 * 108)
  }

  /// The maps of two images stand beside each other.
  @Test func aBatchHasTheSameEquationsForMoreUnknowns() throws {
    let model = try ModelCatalog.model(
      named: "resnet20", ModelOptions(inputShape: [3, 16, 16], width: 12))
    let weighted = WeightedModel(
      model: model, parameters: model.initialParameters(seed: 0, dtype: .f64).map(\.tensor),
      buffers: model.initialBuffers(dtype: .f64).map(\.tensor))
    let analysis = try RankAnalysis(
      weighted, batchSize: 4, seed: 1, backend: AttackedClient.backend)
    let first = try #require(analysis.layers.first)
    #expect(first.unknowns == 4 * 768 && first.equations == 48 * 9 * 48 && first.rank == 4 * 768)
    // 216 equations meet 4 x 64 positions of each of 24 channels.
    let stage = try #require(analysis.layers.first { $0.name == "layer2.1.conv1.weight" })
    #expect(stage.unknowns == 4 * 1536 && stage.rank == 24 * 216)
  }

  /// What a maximum pooling gives is a map as others.
  @Test func pooledMapsAreCounted() throws {
    let model = try ModelCatalog.model(
      named: "vgg11", ModelOptions(width: 8))
    let weighted = WeightedModel(
      model: model, parameters: model.initialParameters(seed: 0, dtype: .f64).map(\.tensor),
      buffers: [])
    let analysis = try RankAnalysis(weighted, seed: 1, backend: AttackedClient.backend)
    let pooled = try #require(analysis.layers.first { $0.name == "features.3.weight" })
    // 16 channels of 9 taps meet 16 x 16 positions.
    #expect(pooled.unknowns == 8 * 256 && pooled.rank == 8 * 144 && pooled.readsMaximumPooling)
  }
}
