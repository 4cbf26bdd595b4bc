import Clients
import TensorGraph

/// What the fully connected layers of a model answer to images, each computed in the model.
///
/// A layer counts that has one row of answers for each image: a product with a matrix, or a convolution
/// whose kernel covers its whole input.
struct LayerObservation {
  /// By the weight's name.
  let layers: [String: (layer: WeightLayer, responses: UnitResponses)]
  /// The last layer with its inputs; nil where there is none that is known.
  let classifier: FishingChecks.Classifier?

  private struct Place {
    let node: NodeID
    let layer: WeightLayer
    let readsImages: Bool
  }

  /// - Parameter batch: images that run at once, as many as the model takes.
  /// - Throws: ``GraphError`` when the backend cannot run the model.
  init(
    _ weighted: WeightedModel, batchSize batch: Int, samples: PlantedWeightCheck.Samples,
    backend: any Backend
  ) throws(GraphError) {
    let model = weighted.model
    let builder = GraphBuilder()
    let names = model.parameters + model.buffers
    let values = names.map { builder.input($0.name, $0.shape, .f32) }
    let data = builder.input("data", Shape([batch] + model.inputShape.dimensions), .f32)
    let trace = model.trace(
      data, parameters: Array(values[..<model.parameters.count]),
      buffers: Array(values[model.parameters.count...]), mode: .evaluation)
    let features = trace.features
    let whole = builder.function(computing: [trace.logits] + (features.map { [$0] } ?? []))
    let graph = whole.graph
    let places = LayerObservation.places(in: graph, weighted, batchSize: batch)
    let outputs =
      places.map(\.node)
      + (features.map { [graph.outputs[whole.index(ofOutput: $0.handle)]] } ?? [])
    guard !outputs.isEmpty else {
      (layers, classifier) = ([:], nil)
      return
    }
    let images = samples(model.inputShape, LayerObservation.imageCount(model, batch))
    var answers = outputs.map { _ in [Double]() }
    let function = try CompiledFunction(whole.computing(outputs), on: backend)
    function.bind(values.map(\.handle), to: weighted.parameters + weighted.buffers)
    let input = function.input(data.handle)
    for first in stride(from: 0, to: images.count - batch + 1, by: batch) {
      input.write(stacked(Array(images[first..<first + batch])).converted(to: .f32))
      try function.run()
      for (index, buffer) in function.outputs.enumerated() {
        answers[index] += buffer.read().doubles
      }
    }
    var layers: [String: (layer: WeightLayer, responses: UnitResponses)] = [:]
    for (place, products) in zip(places, answers) where products.allSatisfy(\.isFinite) {
      layers[place.layer.name] = (
        place.layer,
        UnitResponses(
          products: products, bias: place.layer.bias, count: place.layer.rows.count,
          areToImages: place.readsImages)
      )
    }
    self.layers = layers
    let last = model.classifier.flatMap { last in
      layers[model.parameters[last.weight].name]?.layer
    }
    classifier = last.flatMap { last in
      guard features != nil, let flat = answers.last, flat.allSatisfy(\.isFinite) else {
        return nil
      }
      let width = last.rows.width
      return FishingChecks.Classifier(
        layer: last,
        features: stride(from: 0, to: flat.count - width + 1, by: width).map {
          Array(flat[$0..<$0 + width])
        })
    }
  }

  /// Fewer images where each takes long.
  private static func imageCount(_ model: Model, _ batch: Int) -> Int {
    let size = model.inputShape.elementCount
    let count = size > 50_000 ? 64 : UnitResponses.sampleCount
    return max(count / batch * batch, batch)
  }

  private static func places(
    in graph: Graph, _ weighted: WeightedModel, batchSize: Int
  ) -> [Place] {
    let model = weighted.model
    let reader = LayerReader(graph: graph, parameters: model.parameters)
    let names = Set(model.parameters.map(\.name))
    var isTrained = [Bool](repeating: false, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      if case .input(let input, _) = node.op {
        isTrained[index] = names.contains(graph.inputs[input].name)
      } else {
        isTrained[index] = node.operands.contains { isTrained[$0.index] }
      }
    }
    var found: [String: Place] = [:]
    for (index, node) in graph.nodes.enumerated() {
      let id = NodeID(index)
      guard case .contraction(let op) = node.op else { continue }
      let place: Place? =
        switch op {
        case .matmul: matrix(id, graph, weighted, reader, isTrained)
        case .convolution: wholeKernel(id, graph, weighted, isTrained)
        case .convolutionInputGradient, .convolutionWeightGradient: nil
        }
      guard let place, node.shape.elementCount == batchSize * place.layer.rows.count else {
        continue
      }
      // A layer that is used twice is looked at where it is used first.
      if found[place.layer.name] == nil { found[place.layer.name] = place }
    }
    return found.values.sorted { $0.node < $1.node }
  }

  private static func matrix(
    _ id: NodeID, _ graph: Graph, _ weighted: WeightedModel, _ reader: LayerReader,
    _ isTrained: [Bool]
  ) -> Place? {
    let model = weighted.model
    guard let linear = reader.linearLayer(startingAt: id) else { return nil }
    var weight = weighted.parameters[linear.weight]
    if linear.isTransposed { weight = weight.matrixTransposed }
    guard weight.shape.rank == 2, weight.shape[0] >= 2,
      graph[id].shape.dimensions.last == weight.shape[0]
    else { return nil }
    return Place(
      node: id,
      layer: WeightLayer(
        name: model.parameters[linear.weight].name,
        biasName: linear.bias.map { model.parameters[$0].name } ?? "",
        rows: WeightRows(weight.doubles, count: weight.shape[0]),
        bias: linear.bias.map { weighted.parameters[$0].doubles }, isMatrix: true,
        rowShape: [weight.shape[1]], isLast: linear.weight == model.classifier?.weight),
      readsImages: !isTrained[graph[id].operands[0].index])
  }

  private static func wholeKernel(
    _ id: NodeID, _ graph: Graph, _ weighted: WeightedModel, _ isTrained: [Bool]
  ) -> Place? {
    let node = graph[id]
    let (input, kernel) = (graph[node.operands[0]], graph[node.operands[1]])
    guard node.shape.rank == 4, node.shape[2] == 1, node.shape[3] == 1,
      input.shape[2] * input.shape[3] > 1, kernel.shape[1] == input.shape[1],
      case .input(let index, _) = kernel.op,
      let place = weighted.model.parameters.firstIndex(where: {
        $0.name == graph.inputs[index].name
      }), kernel.shape[0] >= 2
    else { return nil }
    let name = weighted.model.parameters[place].name
    let biasName =
      name.hasSuffix("weight") ? name.dropLast("weight".count) + "bias" : name + ".bias"
    let bias = weighted.model.parameters.firstIndex {
      $0.name == biasName && $0.shape == [kernel.shape[0]]
    }
    return Place(
      node: id,
      layer: WeightLayer(
        name: name, biasName: biasName,
        rows: WeightRows(weighted.parameters[place].doubles, count: kernel.shape[0]),
        bias: bias.map { weighted.parameters[$0].doubles }, isMatrix: true,
        rowShape: kernel.shape.removing(axes: [0]), isLast: false),
      readsImages: !isTrained[node.operands[0].index])
  }
}
