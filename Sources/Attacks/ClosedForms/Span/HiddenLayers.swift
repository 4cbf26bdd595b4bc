import Clients
import TensorGraph

/// The fully connected layers of a model that read features of an example, one row of them, which are no affine function of it.
struct HiddenLayers {
  /// One of them.
  struct Layer {
    let classifier: Model.Classifier
    /// What it reads, [N, features], in ``HiddenLayers/graph``.
    let input: NodeID
  }

  /// The forward pass of one example in f64; inputs are parameters, buffers, and the data last.
  let graph: Graph
  let data: NodeID
  let layers: [Layer]

  /// - Throws: ``AttackError`` when the model does not read its input.
  init(_ model: Model, mode: ForwardMode) throws(AttackError) {
    (graph, data) = try model.forwardGraph(mode: mode, computing: \.logits)
    let depends = graph.nodesDepending(on: data)
    let reader = LayerReader(graph: graph, parameters: model.parameters)
    let isAffine = graph.affineNodes(of: data)
    var layers: [Layer] = []
    for (index, node) in graph.nodes.enumerated() {
      guard case .contraction(.matmul) = node.op, let input = node.operands.first,
        depends[input.index], !isAffine[input.index], graph[input].shape.rank == 2,
        graph[input].shape[0] == 1,
        let classifier = reader.linearLayer(startingAt: NodeID(index))
      else { continue }
      layers.append(Layer(classifier: classifier, input: input))
    }
    self.layers = layers
  }
}
