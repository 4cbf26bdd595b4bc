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
    #expect(analysis.joinsPaths && !analysis.isDetermined)
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
}
