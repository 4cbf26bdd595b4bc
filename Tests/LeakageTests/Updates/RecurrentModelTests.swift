import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Clients

/// Recurrent layers whose weights the exporter folded, beside PyTorch's gradients: `scripts/fixtures/recurrent-models.py`.
@Suite struct RecurrentModelTests {
  private func path(_ name: String) -> String { "\(fixtures)/recurrent-models/\(name)" }

  /// Parameters have PyTorch's names, shapes, order and values again, both biases of a layer included.
  @Test(arguments: [
    (
      "lstm",
      [
        "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0",
        "rnn.weight_ih_l1", "rnn.weight_hh_l1", "rnn.bias_ih_l1", "rnn.bias_hh_l1", "fc.weight",
        "fc.bias",
      ]
    ),
    (
      "gru",
      [
        "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0",
        "rnn.weight_ih_l0_reverse", "rnn.weight_hh_l0_reverse", "rnn.bias_ih_l0_reverse",
        "rnn.bias_hh_l0_reverse", "fc.weight", "fc.bias",
      ]
    ),
    (
      "rnn",
      [
        "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0", "fc.weight",
        "fc.bias",
      ]
    ),
  ])
  func gradientsArePyTorchs(_ name: String, _ names: [String]) throws {
    let imported = try ImportedModel(contentsOf: path(name + ".onnx"))
    let model = imported.weighted.model
    #expect(imported.wanted.map(\.name) == names)
    let signal = try SafetensorsFile(contentsOf: path("signal.safetensors"))
      .tensor(named: "signal").doubles
    let image = Tensor(Shape([1] + model.inputShape.dimensions), .f64(signal))
    let own = try imported.weighted.share(
      images: image, labels: [1], loss: .meanCrossEntropy, training: nil, mode: .evaluation,
      backend: AttackedClient.backend)
    let file = try UpdateFile(
      contentsOf: path(name + ".safetensors"), for: model, wanted: imported.wanted,
      UpdateReading(batchSize: 1))
    for (parameter, spec) in model.parameters.enumerated() {
      let (mine, theirs) = (own.gradients[parameter], file.update.gradients[parameter])
      #expect(
        mine.squaredDistance(to: theirs) < 1e-24 * max(theirs.squaredNorm, 1e-6), "\(spec.name)")
    }
  }
}
