import Attacks
import CPUBackend
import Clients
import TensorGraph
import Testing

/// Models, client gradients and the DLG objective against PyTorch in f64.
@Suite struct ModelGoldenTests {
  /// The oracle, and the engine that attacks run on.
  enum Engine: String, CaseIterable {
    case reference
    case cpu

    var backend: any Backend {
      switch self {
      case .reference: ReferenceInterpreter()
      case .cpu: CPUBackend()
      }
    }
  }

  private func sharedGradient(
    _ item: ModelCase, _ model: Model, _ backend: any Backend
  ) throws -> [Tensor] {
    let client = ClientGradientGraph(
      model, batchSize: item.batchSize, labelForm: .classIndices, dtype: .f64, mode: item.mode)
    let batch = model.fixtureBatch(item.batchSize)
    let results = try backend.evaluate(
      client.function, [batch.images, batch.labels] + model.fixtureState)
    return ([client.loss, client.logits] + client.gradients).map(results)
  }

  @Test(arguments: ModelCase.all, Engine.allCases)
  func clientGradients(_ item: ModelCase, _ engine: Engine) throws {
    let model = try item.model()
    let golden = try item.golden()
    let results = try sharedGradient(item, model, engine.backend)
    #expect(relativeError(results[0], golden["loss"]) < 1e-13)
    #expect(relativeError(results[1], golden["logits"]) < 1e-13)

    let gradients = results.dropFirst(2).map(\.doubles)
    let norms = gradients.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let projections = zip(gradients, model.parameters.enumerated()).map { gradient, parameter in
      let direction = noise(parameter.element.shape, 2000 + parameter.offset).doubles
      return zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let expectedNorms = try #require(golden["gradient_norms"]).doubles
    let expectedProjections = try #require(golden["gradient_projections"]).doubles
    #expect(norms.count == expectedNorms.count)
    for (index, parameter) in model.parameters.enumerated() {
      // A convolution's bias before batch norm in training has a gradient of rounding errors.
      let scale = max(expectedNorms[index], 1e-4)
      #expect(abs(norms[index] - expectedNorms[index]) < 1e-11 * scale, "\(parameter.name)")
      #expect(
        abs(projections[index] - expectedProjections[index]) < 1e-10 * scale, "\(parameter.name)")
    }
  }

  @Test(arguments: ModelCase.all, Engine.allCases)
  func matchingObjective(_ item: ModelCase, _ engine: Engine) throws {
    let backend = engine.backend
    let model = try item.model()
    let golden = try item.golden()
    let matching = GradientMatchingGraph(
      UpdateSignature(model, batchSize: item.batchSize, mode: item.mode), labelForm: .logits,
      dtype: .f64)
    let graph = matching.function.graph
    let variables = [graph.inputs[0], graph.inputs[1]]
    let directions = variables.enumerated().map { noise($1.type.shape, 4 + $0) }

    // The objective with the slopes of its gradients along a direction: third derivatives.
    let builder = GraphBuilder()
    let inputs = graph.inputs.map { builder.input($0.name, $0.type.shape, $0.type.dtype) }
    let tangents = directions.map { builder.input("direction", $0.shape, .f64) }
    let outputs = builder.inline(graph, inputs: inputs)
    let slopes = Value.pushforward(
      Array(outputs.dropFirst()),
      along: zip(inputs, tangents).map { (variable: $0, tangent: $1) })

    let dummies = variables.enumerated().map { noise($1.type.shape, 2 + $0) }
    let targets = try sharedGradient(item, model, engine.backend).dropFirst(2)
    let results = try backend.evaluate(
      builder.build(outputs: outputs + slopes),
      dummies + model.fixtureState + targets + directions)
    let names = [
      "matching_loss", "image_gradient", "label_gradient", "image_gradient_slope",
      "label_gradient_slope",
    ]
    #expect(results.count == names.count)
    for (name, result) in zip(names, results) {
      #expect(relativeError(result, golden[name]) < 1e-11, "\(name)")
    }
  }
}
