import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Clients

/// Values and derivatives by PyTorch: `scripts/fixtures/losses.py`.
private let goldens = try! SafetensorsFile(contentsOf: fixtures + "/losses.safetensors")

private func rows(_ name: String) throws -> [[Double]] {
  let tensor = try goldens.tensor(named: name)
  return tensor.doubles.chunked(tensor.shape[1]).map { Array($0) }
}

/// Losses whose labels are no classes, or which are of what a model ends in.
@Suite struct LossTargetTests {
  /// The loss of a golden, its logits and its labels.
  private func subject(
    _ name: String, _ reduction: LossReduction
  ) throws -> (loss: ClientLoss, logits: Tensor, labels: [Int]) {
    let single = try goldens.tensor(named: "single")
    let logits = try goldens.tensor(named: "logits")
    let classes = try goldens.tensor(named: "labels").doubles.map { Int($0) }
    let parts = name.split(separator: "-", maxSplits: 1).map(String.init)
    switch name {
    case "single-bce":
      return (try ClientLoss(.binaryCrossEntropy, reduction: reduction), single, [1, 0, 1])
    case "single-mse":
      return (try ClientLoss(.meanSquaredError, reduction: reduction), single, [1, 0, 1])
    case "sets":
      let loss = try ClientLoss(.binaryCrossEntropy, reduction: reduction)
      return (loss.with(targets: try TargetTable(rows("sets"))), logits, [0, 1, 2])
    case "numbers":
      let loss = try ClientLoss(.meanSquaredError, reduction: reduction)
      return (loss.with(targets: try TargetTable(rows("numbers"))), logits, [0, 1, 2])
    default:
      let kind = try #require(
        ClientLoss.Kind.allCases.first { name.hasPrefix($0.rawValue + "-") } as ClientLoss.Kind?)
      let ending = LossEnding(rawValue: String(name.dropFirst(kind.rawValue.count + 1)))
      #expect(ending != nil, "\(parts)")
      return (try ClientLoss(kind, reduction: reduction).after(ending), logits, classes)
    }
  }

  static let names =
    ["single-bce", "single-mse", "sets", "numbers"]
    + ClientLoss.Kind.allCases.flatMap { kind in
      LossEnding.allCases.map { "\(kind.rawValue)-\($0.rawValue)" }
    }

  @Test(arguments: names, LossReduction.allCases)
  func valuesAndDerivativesArePyTorchs(_ name: String, _ reduction: LossReduction) throws {
    let (loss, logits, labels) = try subject(name, reduction)
    let expected = try goldens.tensor(named: "\(name).\(reduction.rawValue).loss").scalarOrFirst
    let derivative = try goldens.tensor(named: "\(name).\(reduction.rawValue).gradient").doubles
    let builder = GraphBuilder()
    let z = builder.input("logits", logits.shape, .f64)
    let y = builder.input("labels", [3], .i32)
    let value = loss.value(of: z, labels: y, form: .classIndices)
    let graph = builder.build(outputs: [value, value.gradient(withRespectTo: [z])[0]])
    let results = try AttackedClient.backend.evaluate(
      graph, [logits, Tensor([3], .i32, labels.map(Double.init))])
    #expect(abs(results[0].scalarValue - expected) < 1e-12)
    for (result, golden) in zip(results[1].doubles, derivative) {
      #expect(abs(result - golden) < 1e-12)
    }
    // The closed form agrees, example by example.
    let width = logits.shape[1]
    for (example, row) in logits.doubles.chunked(width).enumerated() {
      let cotangent = try #require(
        loss.cotangent(Array(row), label: labels[example], batchSize: 3))
      for (found, golden) in zip(cotangent, derivative[(example * width)...]) {
        #expect(abs(found - golden) < 1e-12)
      }
    }
  }

  /// Targets follow from the derivative where the ending can be undone.
  @Test func targetsAreReadOffADerivative() throws {
    for (name, reduction) in [("sets", LossReduction.mean), ("numbers", .mean), ("numbers", .sum)] {
      let (loss, logits, _) = try subject(name, reduction)
      let plain = try ClientLoss(loss.kind, reduction: reduction)
      for (label, row) in logits.doubles.chunked(5).enumerated() {
        let cotangent = try #require(loss.cotangent(Array(row), label: label, batchSize: 1))
        let found = try #require(plain.targets(giving: cotangent, logits: Array(row)))
        let truth = try #require(loss.targets).rows[label]
        for (value, golden) in zip(found, truth) { #expect(abs(value - golden) < 1e-9) }
      }
    }
  }

  @Test func constantLossesAreRefused() throws {
    let message = attackErrorMessage { try ClientLoss.meanCrossEntropy.check(classCount: 1) }
    #expect(message?.contains("loss bce for two classes") == true)
    let kept = try ClientLoss(.meanSquaredError).after(.softmax)
    #expect(attackErrorMessage { try kept.check(classCount: 1) } != nil)
    try ClientLoss(.binaryCrossEntropy).check(classCount: 1)
    try ClientLoss(.meanSquaredError).after(.sigmoid).check(classCount: 1)
  }

  @Test func targetsThatDoNotFitAreRefused() throws {
    #expect(attackErrorMessage { _ = try TargetTable([]) } != nil)
    #expect(attackErrorMessage { _ = try TargetTable([[1, 2], [1]]) } != nil)
    #expect(attackErrorMessage { _ = try TargetTable([[.nan]]) } != nil)
    let table = try TargetTable([[1, 0, 1]])
    let binary = try ClientLoss(.binaryCrossEntropy).with(targets: table)
    #expect(attackErrorMessage { try binary.check(classCount: 4) } != nil)
    let crossEntropy = ClientLoss.meanCrossEntropy.with(targets: table)
    #expect(attackErrorMessage { try crossEntropy.check(classCount: 3) } != nil)
  }

  @Test func targetsHaveNames() throws {
    let table = try TargetTable([[1, 0, 1], [0, 0, 0]])
    #expect(table.name(of: 0) == "0+2" && table.name(of: 1) == "none")
    #expect(try TargetTable([[0.7000001]]).name(of: 0) == "0.7")
    #expect(try TargetTable([[0.5, -2]]).name(of: 0) == "0.5:-2")
  }
}

extension Tensor {
  fileprivate var scalarOrFirst: Double { doubles[0] }
}
