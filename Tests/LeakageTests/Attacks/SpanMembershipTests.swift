import Attacks
import CPUBackend
import Clients
import Solvers
import TensorGraph
import Testing

/// Whether spans of hidden layers prove that examples are in a batch.
@Suite struct SpanMembershipTests {
  @Test func membersAreProvedAndOthersNot() throws {
    let model = try ModelCatalog.model(
      named: "mlp",
      ModelOptions(
        inputShape: [1, 1, 10], classCount: 4, activation: .sigmoid, width: 64, depth: 2))
    let weighted = WeightedModel(untrained: model, seed: 2)
    var source = RandomSource(seed: 8)
    let rows = (0..<40).map { _ in (0..<10).map { _ in source.normal() } }
    let labels = (0..<20).map { $0 % 4 }
    let update = try weighted.share(
      images: Tensor([20, 1, 1, 10], .f64(rows.prefix(20).flatMap(\.self))), labels: labels,
      backend: AttackedClient.backend)
    let spans = try SpanMembership(
      weighted, update, mode: .evaluation, backend: AttackedClient.backend)
    for index in 0..<20 {
      #expect(try spans.proves(rows[index], label: nil))
      #expect(try spans.proves(rows[index], label: labels[index]))
      #expect(try !spans.proves(rows[index], label: (labels[index] + 1) % 4))
      #expect(try !spans.proves(rows[20 + index], label: nil))
    }
    // A model without a hidden layer has no such span.
    let lenet = WeightedModel(
      untrained: try AttackedClient.smallModel("lenet"), seed: 0)
    let other = try lenet.share(
      images: lenet.model.fixtureBatch(6).images, labels: [0, 1, 2, 3, 4, 0],
      backend: AttackedClient.backend)
    #expect(throws: AttackError.self) {
      try SpanMembership(lenet, other, mode: .evaluation, backend: AttackedClient.backend)
    }
  }
}
