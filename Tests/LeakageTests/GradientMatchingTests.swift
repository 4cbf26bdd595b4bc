import Attacks
import Clients
import TensorGraph
import Testing

@Suite struct GradientMatchingTests {
  private let backend = ReferenceInterpreter()

  /// At the private data the dummy gradient is the shared one, so D and its derivatives vanish.
  @Test(arguments: ModelCase.all) func matchingLossVanishesAtTheTruth(_ item: ModelCase) throws {
    let model = try item.model()
    let batch = model.fixtureBatch(item.batchSize)
    let (client, matching) = (
      ClientGradientGraph(
        model, batchSize: item.batchSize, labelForm: .classIndices, dtype: .f64, mode: item.mode),
      GradientMatchingGraph(
        UpdateSignature(model, batchSize: item.batchSize, mode: item.mode),
        labelForm: .classIndices, dtype: .f64)
    )
    let truth = [batch.images, batch.labels] + model.fixtureState
    let targets = try client.gradients.map(backend.evaluate(client.function, truth))
    let results = try backend.evaluate(matching.function, truth + targets)
    #expect(results(matching.matchingLoss).scalarValue == 0)
    #expect(results(matching.imageGradient).doubles.allSatisfy { $0 == 0 })
    #expect(matching.labelGradient == nil)
  }

  @Test func labelFormsAgreeOnTheGradient() throws {
    let item = try #require(ModelCase.all.first { $0.name == "lenet-2" })
    let model = try item.model()
    let batch = model.fixtureBatch(2)
    let labels = batch.labels.doubles
    let oneHot = Tensor(
      [2, 5], .f64(labels.flatMap { label in (0..<5).map { Double($0) == label ? 1 : 0 } }))
    // Logits so far apart that the softmax is one-hot to the last digit.
    let logits = Tensor([2, 5], .f64(oneHot.doubles.map { 1000 * $0 }))
    let forms: [(LabelForm, Tensor)] = [
      (.classIndices, batch.labels), (.probabilities, oneHot), (.logits, logits),
    ]
    let gradients = try forms.map { form, labels in
      let client = ClientGradientGraph(model, batchSize: 2, labelForm: form, dtype: .f64)
      return try backend.evaluate(
        client.function.graph, [batch.images, labels] + model.fixtureState)
    }
    #expect(gradients[0] == gradients[1])
    #expect(gradients[0] == gradients[2])
  }

  @Test func inputsAndOutputsAreWhereTheyAreSaidToBe() throws {
    let model = try ModelCatalog.model(named: "resnet20", ModelOptions(width: 2))
    let matching = GradientMatchingGraph(
      UpdateSignature(model, batchSize: 3), labelForm: .logits)
    let (function, graph) = (matching.function, matching.function.graph)
    func input(_ value: ValueHandle) -> Graph.Input { graph.inputs[function.index(ofInput: value)] }
    func type(_ value: ValueHandle) -> TensorType {
      graph.outputTypes[function.index(ofOutput: value)]
    }
    #expect(input(matching.images).type == TensorType([3, 3, 32, 32], .f32))
    #expect(input(matching.labels).type == TensorType([3, 10], .f32))
    #expect(matching.parameters.map { input($0).name } == model.parameters.map(\.name))
    #expect(matching.buffers.map { input($0).name } == model.buffers.map(\.name))
    #expect(matching.targets.map { input($0).type.shape } == model.parameters.map(\.shape))
    let all =
      [matching.images, matching.labels] + matching.parameters + matching.buffers
      + matching.targets
    #expect(all.map(function.index(ofInput:)) == Array(graph.inputs.indices))
    #expect(graph.inputs.map { $0.role == .varying } == graph.inputs.indices.map { $0 < 2 })
    #expect(type(matching.matchingLoss).shape.isScalar)
    #expect(type(matching.imageGradient) == input(matching.images).type)
    #expect(type(try #require(matching.labelGradient)) == input(matching.labels).type)
  }

  @Test func givenLabelsAreFixed() throws {
    let model = try ModelCatalog.model(named: "lenet")
    let matching = GradientMatchingGraph(
      UpdateSignature(model, batchSize: 1), labelForm: .probabilities)
    let (function, graph) = (matching.function, matching.function.graph)
    #expect(graph.inputs[function.index(ofInput: matching.labels)].role == .fixed)
    #expect(graph.outputs.count == 2)
  }

  /// Two builds of one graph are the same graph, so runs are repeatable.
  @Test func graphsAreDeterministic() throws {
    let model = try ModelCatalog.model(named: "vit", ModelOptions(width: 6, depth: 1))
    let graphs = (0..<2).map { _ in
      GradientMatchingGraph(UpdateSignature(model, batchSize: 2), labelForm: .logits)
        .function.graph
    }
    #expect(graphs[0].nodes == graphs[1].nodes)
    #expect(graphs[0].outputs == graphs[1].outputs)
  }
}
