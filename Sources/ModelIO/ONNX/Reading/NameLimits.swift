/// Refuses names that no exporter writes: each is compared, hashed and printed many times.
struct NameLimits {
  let limit: Int

  /// - Throws: ``ONNXError`` when a name of the model is longer than the limit.
  func check(_ model: ModelProto) throws(ONNXError) {
    try check(model.graph)
    for function in model.functions {
      try check([function.name, function.domain], "a function")
      try check(function.input + function.output + function.attribute, "a function's value")
      try check(function.node)
    }
  }

  private func check(_ graph: GraphProto) throws(ONNXError) {
    for tensor in graph.initializer { try check([tensor.name], "a tensor") }
    for value in graph.input + graph.output {
      try check([value.name], "a value")
      let names = value.type.tensorType.shape.dim.compactMap { dimension in
        if case .dimParam(let name) = dimension.value { name } else { nil }
      }
      try check(names, "an extent")
    }
    try check(graph.node)
  }

  private func check(_ nodes: [NodeProto]) throws(ONNXError) {
    for node in nodes {
      try check([node.name, node.opType, node.domain, node.overload], "a node")
      try check(node.input, "a value")
      try check(node.output, "a value")
      for attribute in node.attribute {
        try check([attribute.name, attribute.refAttrName], "an attribute")
        if attribute.hasG { try check(attribute.g) }
        for graph in attribute.graphs { try check(graph) }
      }
    }
  }

  private func check(_ names: [String], _ what: String) throws(ONNXError) {
    guard let long = names.first(where: { $0.utf8.count > limit }) else { return }
    throw ONNXError(
      .tooLarge,
      "the name of \(what) has \(long.utf8.count) bytes, more than the \(limit) allowed "
        + "(\(String(long.prefix(40)).quotedForMessage)...); export the model again")
  }
}
