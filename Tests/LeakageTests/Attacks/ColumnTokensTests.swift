import Attacks
import CPUBackend
import Clients
import Solvers
import TensorGraph
import TestSupport
import Testing

/// One row through tokens of its columns, without a search.
@Suite struct ColumnTokensTests {
  private let backend = CPUBackend(CPUBackend.Options(threadCount: 1))
  private let blocks = [1..<7, 7..<9, 10..<15]

  /// Three numbers and three columns of words, of 6, 2 and 5.
  private func transformer(_ activation: Activation = .relu) throws -> WeightedModel {
    var options = ModelOptions(
      inputShape: [1, 1, 16], classCount: 3, activation: activation, width: 16, depth: 1)
    options.embedded = blocks
    return WeightedModel(
      untrained: try ModelCatalog.model(named: "ft-transformer", options), seed: 4)
  }

  private let row = Tensor(
    [1, 1, 1, 16], .f64([-0.7, 0, 0, 0, 1, 0, 0, 0, 1, 2.5, 1, 0, 0, 0, 0, 0]))

  private func distance(_ left: Tensor, _ right: Tensor) -> Double {
    zip(left.doubles, right.doubles).map { abs($0 - $1) }.max() ?? .infinity
  }

  /// Whatever the activation; a number that is 0 too.
  @Test(arguments: [Activation.relu, .sigmoid, .gelu])
  func oneRowOfATransformerIsReadOff(_ activation: Activation) throws {
    let weighted = try transformer(activation)
    let update = try weighted.share(images: row, labels: [2], backend: backend)
    let problem = try AttackProblem(
      weighted, update: update, configuration: AttackConfiguration(attack: .automatic),
      backend: backend)
    let result = try problem.run()
    #expect(distance(result.images, row) < 1e-9)
    #expect(result.labels == [2])
    #expect(result.trials.map(\.method.name) == ["linear layer"])
    #expect(result.diagnosis?.verdict == .recovered)
  }

  @Test func aBatchIsRefused() throws {
    let weighted = try transformer()
    let batch = Tensor([2, 1, 1, 16], .f64(row.doubles + row.doubles))
    let update = try weighted.share(images: batch, labels: [0, 1], backend: backend)
    #expect(
      attackErrorMessage { _ = try ColumnTokens(weighted.model).reconstruct(update) }?
        .contains("this update comes from 2") == true)
  }

  /// As the authors' first program has it: a class token as a row of the weight, without a bias.
  private func tokens(_ make: @escaping @Sendable (ForwardScope, Value) -> Value) -> Model {
    Model(name: "tokens", inputShape: [1, 1, 3], classCount: 2) { scope, rows in
      let tokens = make(scope, rows.reshape(to: [rows.shape[0], 3]))
      let mixed = tokens.tanh().reshape(to: [
        rows.shape[0], tokens.shape.elementCount / rows.shape[0],
      ])
      return scope["head"].linear(mixed, to: 2)
    }
  }

  @Test func tokensAreToldByTheGraph() throws {
    let model = tokens { scope, inputs in
      let count = inputs.shape[0]
      let weight = scope["tokens"].parameter("weight", [4, 5], .kaimingUniform(fanIn: 5))
      let bias = scope["tokens"].parameter("bias", [3, 5], .kaimingUniform(fanIn: 5))
      let one = inputs.builder.constant(1, [count, 1], inputs.dtype)
      let zeros = inputs.builder.constant(0, [1, 5], inputs.dtype)
      let columns = Value.concatenate([one, inputs], axis: 1).reshape(to: [count, 4, 1])
      return weight * columns + Value.concatenate([zeros, bias], axis: 0)
    }
    let weighted = WeightedModel(untrained: model, seed: 3)
    let input = Tensor([1, 1, 1, 3], .f64([0.5, -2, 30]))
    let update = try weighted.share(images: input, labels: [1], backend: backend)
    #expect(distance(try ColumnTokens(model).reconstruct(update), input) < 1e-9)
  }

  /// Words that are looked up in one table for all columns, each behind the others'.
  @Test func lookedUpWordsAreToldByTheGraph() throws {
    var options = ImportOptions()
    options.inputShape = [1, 1, 9]
    options.words = [1..<4, 5..<9]
    let model = try ImportedModel(
      contentsOf: "\(fixtures)/table-models/tokens.onnx", options
    ).weighted.model
    #expect(throws: Never.self) { try ColumnTokens(model) }
  }

  /// The gradients of a bias that all tokens share are a sum, which is no column's own.
  @Test func aSharedBiasIsRefused() {
    let model = tokens { scope, inputs in
      let weight = scope["tokens"].parameter("weight", [3, 5], .kaimingUniform(fanIn: 5))
      let bias = scope["tokens"].parameter("bias", [5], .kaimingUniform(fanIn: 5))
      return inputs.reshape(to: [inputs.shape[0], 3, 1]) * weight + bias
    }
    #expect(throws: AttackError.self) { try ColumnTokens(model) }
  }

  @Test func aGradientThatWasNotSharedIsSaid() throws {
    let weighted = try transformer()
    let update = try weighted.share(images: row, labels: [0], backend: backend)
    let partial = SharedUpdate(
      gradients: update.gradients, batchSize: 1,
      sharedParameters: Array(weighted.model.parameters.indices.dropFirst(3)))
    #expect(
      attackErrorMessage { _ = try ColumnTokens(weighted.model).reconstruct(partial) }?
        .contains("which was not shared") == true)
  }
}
