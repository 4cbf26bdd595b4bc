import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Attacks
@testable import Clients

/// Values and derivatives by PyTorch: `scripts/fixtures/losses.py`.
private let goldens = try! SafetensorsFile(contentsOf: fixtures + "/losses.safetensors")

private let classWeights = [1, 2.5, 0.5, 1.5, 3]

private func loss(_ name: String, _ reduction: LossReduction) throws -> ClientLoss {
  switch name {
  case "smooth": try ClientLoss(.crossEntropy, reduction: reduction, labelSmoothing: 0.1)
  case "weighted": try ClientLoss(.crossEntropy, reduction: reduction, classWeights: classWeights)
  case "both":
    try ClientLoss(
      .crossEntropy, reduction: reduction, labelSmoothing: 0.1, classWeights: classWeights)
  case "half": try ClientLoss(.crossEntropy, reduction: reduction, scale: 0.5)
  case "mse": try ClientLoss(.meanSquaredError, reduction: reduction)
  case "bce": try ClientLoss(.binaryCrossEntropy, reduction: reduction)
  default: try ClientLoss(.crossEntropy, reduction: reduction)
  }
}

@Suite struct ClientLossTests {
  @Test(
    arguments: ["cross-entropy", "smooth", "weighted", "both", "half", "mse", "bce", "tokens"],
    LossReduction.allCases)
  func valuesAndDerivativesArePyTorchs(_ name: String, _ reduction: LossReduction) throws {
    let isTokens = name == "tokens"
    let logits = try goldens.tensor(named: isTokens ? "tokens" : "logits")
    let labels = try goldens.tensor(named: isTokens ? "token_labels" : "labels")
    let expected = try goldens.tensor(named: "\(name).\(reduction.rawValue).loss")
    let derivative = try goldens.tensor(named: "\(name).\(reduction.rawValue).gradient")
    for form in [LabelForm.classIndices, .probabilities] {
      let builder = GraphBuilder()
      let z = builder.input("logits", logits.shape, .f64)
      let given: Tensor
      switch form {
      case .classIndices: given = labels.converted(to: .i32)
      default:
        given = Tensor(
          logits.shape, .f64,
          labels.doubles.flatMap { label in (0..<5).map { Double($0) == label ? 1 : 0 } })
      }
      let y = builder.input("labels", given.shape, given.dtype)
      let value = try loss(name, reduction).value(of: z, labels: y, form: form)
      let graph = builder.build(outputs: [value, value.gradient(withRespectTo: [z])[0]])
      let results = try AttackedClient.backend.evaluate(graph, [logits, given])
      #expect(abs(results[0].scalarValue - expected.doubles[0]) < 1e-12)
      for (result, golden) in zip(results[1].doubles, derivative.doubles) {
        #expect(abs(result - golden) < 1e-12)
      }
    }
  }

  @Test(
    arguments: ["cross-entropy", "smooth", "weighted", "both", "half", "mse", "bce"],
    LossReduction.allCases)
  func theClosedFormOfTheDerivativeIsPyTorchs(_ name: String, _ reduction: LossReduction) throws {
    let logits = try goldens.tensor(named: "logits").doubles
    let labels = try goldens.tensor(named: "labels").doubles
    let derivative = try goldens.tensor(named: "\(name).\(reduction.rawValue).gradient").doubles
    let loss = try loss(name, reduction)
    for example in 0..<3 {
      let cotangent = loss.cotangent(
        Array(logits[example * 5..<example * 5 + 5]), label: Int(labels[example]), batchSize: 3)
      // The mean over class weights depends on the other labels.
      if loss.classWeights != nil, reduction == .mean {
        #expect(cotangent == nil)
        continue
      }
      for (found, golden) in zip(try #require(cotangent), derivative[(example * 5)...]) {
        #expect(abs(found - golden) < 1e-12)
      }
    }
  }

  @Test func numbersOutOfRangeAreRefused() {
    for make in [
      { _ = try ClientLoss(.crossEntropy, labelSmoothing: 1) },
      { _ = try ClientLoss(.crossEntropy, scale: 0) },
      { _ = try ClientLoss(.crossEntropy, classWeights: [1, -1]) },
      { _ = try ClientLoss(.meanSquaredError, labelSmoothing: 0.1) },
      { try ClientLoss(.crossEntropy, classWeights: [1, 2]).check(classCount: 3) },
    ] as [() throws -> Void] {
      #expect(attackErrorMessage(make) != nil)
    }
  }

  /// Every loss is attacked with what it was shared with, and its label found.
  @Test(arguments: ["smooth", "half", "mse", "bce"])
  func anExampleSharedUnderAnotherLossComesBack(_ name: String) throws {
    let honest = try AttackedClient.leNet()
    let loss = try loss(name, .sum)
    let update = try honest.weighted.share(
      images: honest.images, labels: honest.labels, loss: loss, backend: AttackedClient.backend)
    let result = try AttackProblem(
      honest.weighted, update: update, configuration: AttackConfiguration(),
      backend: AttackedClient.backend
    ).run()
    #expect(result.labels == honest.labels)
    #expect(honest.psnr(of: result.images) > 60)
    #expect(LossConsistency.objection(to: update, honest.weighted) == nil)
  }
}

@Suite struct LossConsistencyTests {
  private func objection(
    _ shared: ClientLoss, takenFor stated: ClientLoss, labels: [Int] = [3]
  ) throws -> String? {
    let client = try AttackedClient.leNet(labels: labels)
    let update = try client.weighted.share(
      images: client.images, labels: labels, loss: shared, backend: AttackedClient.backend)
    return LossConsistency.objection(
      to: SharedUpdate(gradients: update.gradients, batchSize: labels.count, loss: stated),
      client.weighted)?.description
  }

  @Test func aFactorIsMeasured() throws {
    let objection = try objection(
      ClientLoss(.crossEntropy, scale: 0.25), takenFor: .meanCrossEntropy)
    #expect(objection?.contains("is 0.25 times that of the mean cross entropy") == true)
    #expect(objection?.contains("use loss scale 0.25") == true)
  }

  @Test func aScaleOfMixedPrecisionIsKnown() throws {
    let objection = try objection(
      ClientLoss(.crossEntropy, scale: 65536), takenFor: .meanCrossEntropy)
    #expect(objection?.contains("mixed precision") == true)
  }

  @Test(arguments: [ClientLoss.Kind.binaryCrossEntropy, .meanSquaredError])
  func anotherLossIsNamed(_ kind: ClientLoss.Kind) throws {
    let objection = try objection(ClientLoss(kind), takenFor: .meanCrossEntropy)
    #expect(objection?.contains("use loss \(kind.rawValue)") == true)
  }

  @Test func aSumGivenAsMeanIsFound() throws {
    let labels = [0, 1, 2, 3]
    let sum = try ClientLoss(.crossEntropy, reduction: .sum)
    #expect(
      try objection(sum, takenFor: .meanCrossEntropy, labels: labels)?
        .contains("use reduction sum") == true)
    #expect(
      try objection(.meanCrossEntropy, takenFor: sum, labels: labels)?
        .contains("use reduction mean") == true)
    #expect(try objection(sum, takenFor: sum, labels: labels) == nil)
    #expect(try objection(.meanCrossEntropy, takenFor: .meanCrossEntropy, labels: labels) == nil)
  }
}
