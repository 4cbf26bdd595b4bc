import TensorGraph

extension Model.Classifier {
  /// The fully connected layer that makes the only output of `graph`, whose first inputs after the
  /// images are `parameters` as they were read; nil when the logits are made otherwise.
  init?(of graph: Graph, parameters: [ParameterSpec]) {
    guard let output = graph.outputs.first else { return nil }
    let reader = LayerReader(graph: graph, parameters: parameters)
    guard let layer = reader.linearLayer(endingAt: output) else { return nil }
    self = layer
  }

  /// What the layer reads, in a graph in which `logits` are its value, rearranged or not, and `weight`
  /// its weight; nil when they are not.
  func input(behind logits: Value, weight: Value) -> Value? {
    func skipping(_ value: Value, transposes: Bool = false) -> Value {
      var value = value
      while case .structural(let op) = value.node.op {
        switch op {
        case .reshape: value = value.operands[0]
        case .transpose where transposes: value = value.operands[0]
        case .broadcast, .transpose, .slice, .pad, .concatenate: return value
        }
      }
      return value
    }
    let end = skipping(logits)
    let isSum = end.node.op == .elementwise(.binary(.add))
    let candidates = [end] + (isSum ? end.operands.map { skipping($0) } : [])
    return candidates.lazy.compactMap { product -> Value? in
      guard case .contraction(.matmul) = product.node.op,
        skipping(product.operands[1], transposes: true).id == weight.id
      else { return nil }
      return product.operands[0]
    }.first
  }
}

extension Value {
  /// The same elements as [N, F]; nil when they are not that of N rows.
  func rowPerImage(_ count: Int) -> Value? {
    let width = shape[shape.rank - 1]
    guard shape.elementCount == count * width else { return nil }
    return reshape(to: [count, width])
  }
}

/// Reads fully connected layers off a graph whose inputs are named after parameters.
package struct LayerReader {
  let graph: Graph
  let parameters: [ParameterSpec]
  private let dependsOnVarying: [Bool]

  package init(graph: Graph, parameters: [ParameterSpec]) {
    self.graph = graph
    self.parameters = parameters
    let names = Set(parameters.map(\.name))
    var depends = [Bool](repeating: false, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      if case .input(let input, _) = node.op {
        depends[index] = !names.contains(graph.inputs[input].name)
      } else {
        depends[index] = node.operands.contains { depends[$0.index] }
      }
    }
    dependsOnVarying = depends
  }

  /// The layer that begins with the product `product`, with its bias when that is added next.
  package func linearLayer(startingAt product: NodeID) -> Model.Classifier? {
    var last = product
    for index in graph.nodes.indices.dropFirst(product.index + 1) {
      let node = graph.nodes[index]
      guard node.operands.contains(last) else { continue }
      guard case .structural(.reshape) = node.op else {
        let isSum = node.op == .elementwise(.binary(.add))
        return linearLayer(endingAt: isSum ? NodeID(index) : last)
      }
      last = NodeID(index)
    }
    return linearLayer(endingAt: last)
  }

  /// The layer x Wᵀ + b whose value is node `output`, rearranged or not.
  func linearLayer(endingAt output: NodeID) -> Model.Classifier? {
    var node = graph[skippingReshapes(output)]
    var bias: Int?
    if case .elementwise(.binary(.add)) = node.op {
      guard let own = node.operands.first(where: { !dependsOnVarying[$0.index] }),
        let other = node.operands.first(where: { dependsOnVarying[$0.index] }),
        let index = parameter(behind: own)
      else { return nil }
      bias = index
      node = graph[skippingReshapes(other)]
    }
    guard case .contraction(.matmul(let transposeA, let transposeB)) = node.op, !transposeA,
      dependsOnVarying[node.operands[0].index]
    else { return nil }
    var isTransposed = !transposeB
    var weight = skippingReshapes(node.operands[1])
    if case .structural(.transpose) = graph[weight].op {
      isTransposed.toggle()
      weight = skippingReshapes(graph[weight].operands[0])
    }
    guard let index = parameter(behind: weight), parameters[index].shape.rank == 2 else {
      return nil
    }
    let classes = parameters[index].shape[isTransposed ? 1 : 0]
    guard bias.map({ parameters[$0].shape.elementCount == classes }) ?? true else { return nil }
    return Model.Classifier(weight: index, bias: bias, isTransposed: isTransposed)
  }

  private func skippingReshapes(_ id: NodeID) -> NodeID {
    var id = id
    while case .structural(.reshape) = graph[id].op { id = graph[id].operands[0] }
    return id
  }

  /// The parameter that a node only rearranges or repeats.
  private func parameter(behind id: NodeID) -> Int? {
    var id = id
    while case .structural(let op) = graph[id].op {
      switch op {
      case .reshape, .broadcast: id = graph[id].operands[0]
      case .transpose, .slice, .pad, .concatenate: return nil
      }
    }
    guard case .input(let input, _) = graph[id].op else { return nil }
    return parameters.firstIndex { $0.name == graph.inputs[input].name }
  }
}
