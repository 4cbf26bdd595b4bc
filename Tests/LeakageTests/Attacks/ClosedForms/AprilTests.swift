import Attacks
import Clients
import TensorGraph
import Testing

@Suite struct AprilTests {
  private func model(_ name: String = "vit-april") throws -> Model {
    try ModelCatalog.model(
      named: name,
      ModelOptions(inputShape: [3, 12, 8], classCount: 5, width: 60, depth: 2))
  }

  @Test func isExact() throws {
    for seed in UInt64(0)..<2 {
      let client = try AttackedClient(model(), labels: [3], seed: seed)
      let result = try client.attack(AttackConfiguration(attack: .april))
      #expect(result.images.shape == client.images.shape)
      #expect(client.psnr(of: result.images) > 60)
      #expect(result.labels == [3])
    }
  }

  @Test func aNormalisedFirstAttentionIsRefused() throws {
    let client = try AttackedClient(model("vit"), labels: [3])
    #expect(
      attackErrorMessage { _ = try client.attack(AttackConfiguration(attack: .april)) }?
        .hasPrefix("the first attention of vit reads its input through a normalisation") == true)
  }

  @Test func otherModelsAreRefused() throws {
    let client = try AttackedClient.leNet()
    #expect(
      attackErrorMessage { _ = try client.attack(AttackConfiguration(attack: .april)) }
        == "APRIL needs a vision transformer, and lenet has no parameter pos_embed; use "
        + "the model vit-april")
  }

  @Test func tooManyTokensForTheWidthAreSaid() throws {
    let narrow = try ModelCatalog.model(
      named: "vit-april",
      ModelOptions(inputShape: [3, 32, 32], classCount: 5, width: 60, depth: 1))
    let client = try AttackedClient(narrow, labels: [3])
    #expect(
      attackErrorMessage { _ = try client.attack(AttackConfiguration(attack: .april)) }?
        .contains("gives too few independent equations") == true)
  }
}
