import Attacks
import CPUBackend
import Clients
import TensorGraph
import Testing

@testable import Audit

/// Truths that are no pictures.
@Suite struct NumberScaleTests {
  @Test func picturesAreClampedAndOthersMapped() {
    let picture = NumberScale([Tensor([2], .f64([0, 1]))])
    #expect(!picture.isBeyondPixels && picture.note == nil)
    #expect(picture(Tensor([2], .f64([-1, 0.5]))).doubles == [0, 0.5])
    let table = NumberScale([Tensor([2], .f64([-2, 1])), Tensor([1], .f64([2]))])
    #expect(table.note?.contains("-2.0 to 2.0") == true)
    #expect(table(Tensor([4], .f64([-2, 2, 0, 4]))).doubles == [0, 1, 0.5, 1.5])
    #expect(NumberScale(nil)(Tensor([1], .f64([3]))).doubles == [1])
    let equal = NumberScale([Tensor([2], .f64([5, 5]))])
    #expect(equal(Tensor([2], .f64([5, 10]))).doubles == [0, 1])
    #expect(table(Tensor([1], .f64([.nan]))).doubles == [0])
  }

  /// The gradient of a fully connected layer gives its input whatever its range.
  @Test func tablesAreMeasuredOnTheirNumbers() throws {
    let model = try ModelCatalog.model(
      named: "mlp", ModelOptions(inputShape: [1, 3, 4], classCount: 5, width: 20))
    let audit = SimulatedAudit(
      WeightedModel(untrained: model, seed: 0), activation: "relu", weights: .drawn(seed: 0),
      backend: CPUBackend(CPUBackend.Options(threadCount: 1)))
    let values = (0..<12).map { Double($0) - 5.5 }
    let truth = PrivateExample(name: "x", image: Tensor([1, 3, 4], .f64(values)), label: 2)
    let outcome = try audit.run(
      [truth], configuration: AttackConfiguration(attack: .linear, precision: .f64, snapshots: 0))
    for (found, value) in zip(outcome.numbers[0].doubles, values) {
      #expect(abs(found - value) < 1e-6)
    }
    let image = outcome.record.images[0]
    #expect((image.psnr?.value ?? 0) > 100)
    #expect(image.preparation?.contains("-5.5 to 5.5") == true)
    #expect(image.isIdentified == nil)
  }
}
