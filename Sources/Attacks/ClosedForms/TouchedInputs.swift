import Clients
import TensorGraph

/// Which of a model's inputs were other than 0 in some example of a batch, read off the weights' gradients at any batch size.
///
/// Where a fully connected layer reads the inputs themselves, y = W x + b, column j of ∂ℓ/∂W is the sum over the examples of
/// ∂ℓ/∂y x_j: 0 where x_j was 0 in all of them, and only by chance where it was not. The rows of an embedding's gradient are the
/// same (Melis et al. 2019, arXiv 1805.04049, section 4.1: membership from non-zero rows), and sums over steps and clients too.
package struct TouchedInputs {
  /// For each input whether some example had it; nil where no layer reads it by itself.
  package let touched: [Bool?]
  /// Whether some of them were seen to be untouched: without, the update may be noise everywhere, and tells nothing.
  package var isTold: Bool { touched.contains(false) }

  /// Columns of less than this share of the largest one's squared norm are rounding.
  private static let rounding = 1e-20

  /// - Parameter update: whose layers that read the inputs count where they were shared.
  package init(_ update: SharedUpdate, _ model: Model) {
    var energies = [Double?](repeating: nil, count: model.inputShape.elementCount)
    for (layer, inputs) in InputLayers(model).layers {
      guard let gradient = update.gradient(of: layer.weight) else { continue }
      let units = gradient.shape[layer.isTransposed ? 1 : 0]
      let rows = layer.rows(of: gradient, classCount: units)
      for (column, input) in inputs.enumerated() {
        energies[input] =
          (0..<units).reduce(energies[input] ?? 0) { sum, unit in
            let number = rows[unit * inputs.count + column]
            return sum + number * number
          }
      }
    }
    let most = energies.compactMap(\.self).max() ?? 0
    touched = energies.map { energy in
      energy.flatMap { most > 0 && $0.isFinite ? $0 > Self.rounding * most : nil }
    }
  }
}

/// The fully connected layers that read inputs of a model as they are, and which.
private struct InputLayers {
  /// The inputs of each layer, in its order.
  private(set) var layers: [(layer: Model.Classifier, inputs: [Int])] = []

  init(_ model: Model) {
    guard let (graph, data) = try? model.probeGraph() else { return }
    let reader = LayerReader(graph: graph, parameters: model.parameters)
    // From 1: 0 is padding.
    var places = [data: (0..<graph[data].shape.elementCount).map { Double($0 + 1) }]
    let inputs = 1...Double(max(model.inputShape.elementCount, 1))
    for (index, node) in graph.nodes.enumerated() {
      let id = NodeID(index)
      guard let first = node.operands.first, let known = places[first] else { continue }
      switch node.op {
      case .structural(let op) where node.operands.allSatisfy({ places[$0] != nil }):
        places[id] = op.moving(
          node.operands.map { (graph[$0].type, places[$0] ?? []) }, to: node.type)
      case .contraction(.matmul):
        let width = graph[first].shape[graph[first].shape.rank - 1]
        let row = known.prefix(width)
        guard known.count == width * model.probeBatchSize, row.allSatisfy(inputs.contains),
          let layer = reader.linearLayer(startingAt: id)
        else { continue }
        layers.append((layer, row.map { Int($0) - 1 }))
      default: continue
      }
    }
  }
}
