import TensorGraph
import Testing

@testable import Attacks
@testable import Clients

/// A perceptron of `classes` classes whose last layer has a bias or none.
private func perceptron(classes: Int, hasBias: Bool) -> Model {
  Model(name: "perceptron", inputShape: [1, 3, 3], classCount: classes) { scope, images in
    let hidden = scope["first"].linear(
      images.reshape(to: [images.shape[0], 9]), to: 7
    ).sigmoid()
    guard !hasBias else { return scope["last"].linear(hidden, to: classes) }
    // PyTorch's Linear(bias=False).
    let weight = scope["last"].parameter("weight", [classes, 7], .kaimingUniform(fanIn: 7))
    return hidden.linear(weight: weight)
  }
}

@Suite struct LabelRecoveryTests {
  @Test(arguments: [2, 3, 10], [true, false])
  func everyLabelIsReadOff(_ classes: Int, _ hasBias: Bool) throws {
    let model = perceptron(classes: classes, hasBias: hasBias)
    let classifier = try #require(model.classifier)
    #expect((classifier.bias != nil) == hasBias)
    for seed in UInt64(0)..<3 {
      for label in 0..<classes {
        let client = try AttackedClient(model, labels: [label], seed: seed)
        #expect(try LabelRecovery.singleLabel(of: client.update, model: model) == label)
      }
    }
  }

  @Test func aBatchIsRefused() throws {
    let client = try AttackedClient(perceptron(classes: 3, hasBias: true), labels: [0, 1])
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(attack: .idlg))
    }
    #expect(
      message == "iDLG reads the label of one example, and this update comes from 2; "
        + "use the attack dlg, which seeks the labels together with the examples")
  }

  @Test func aModelWithoutFullyConnectedLastLayerIsRefused() throws {
    let model = Model(name: "pooled", inputShape: [1, 4, 4], classCount: 3) { scope, images in
      scope["conv"].convolution(images, to: 3, kernel: 4).flattenedPerSample()
    }
    let client = try AttackedClient(model, labels: [0])
    #expect(
      attackErrorMessage { _ = try client.attack(AttackConfiguration(attack: .idlg)) }
        == "iDLG reads labels off a fully connected last layer, which pooled lacks; "
        + "use the attack dlg")
  }
}
