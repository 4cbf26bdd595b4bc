import TensorGraph

/// One pass over a model's nodes: constants are folded, everything else goes to the graph.
final class GraphLowering {
  let plan: ONNXPlan
  let emission: Emission
  private let folding: ConstantFolding
  private var remainingNodes: Int

  /// The values of one graph or function body.
  final class Scope {
    var values: [String: Operand] = [:]
    var sequences: [String: [Operand]] = [:]
    let parent: Scope?
    let opsets: [String: Int]
    let depth: Int

    init(parent: Scope?, opsets: [String: Int], depth: Int) {
      self.parent = parent
      self.opsets = opsets
      self.depth = depth
    }
  }
  private let main: Scope

  init(
    plan: ONNXPlan, emission: Emission, inputs: [Value], parameters: [Value]
  ) throws(ONNXError) {
    self.plan = plan
    self.emission = emission
    folding = ConstantFolding(limits: plan.model.limits)
    remainingNodes = plan.model.limits.maximumNodes
    main = Scope(parent: nil, opsets: plan.model.opsets, depth: 0)
    for (spec, value) in zip(plan.inputs, inputs) {
      main.values[spec.name] = Operand(value, spec.elementType)
    }
    for (name, tensor) in plan.constantInputs { main.values[name] = Operand(tensor) }
    for (spec, value) in zip(plan.parameters, parameters) {
      main.values[spec.name] = Operand(value, spec.elementType)
    }
  }

  /// Lowers what the outputs need.
  func run() throws(ONNXError) -> [Operand] {
    let graph = plan.model.proto.graph
    for index in plan.nodes { try lower(graph.node[index], in: main) }
    var results: [Operand] = []
    for name in plan.outputNames { results.append(try value(name, in: main)) }
    return results
  }

  // MARK: Names

  func value(_ name: String, in scope: Scope) throws(ONNXError) -> Operand {
    var current: Scope? = scope
    while let place = current {
      if let operand = place.values[name] { return operand }
      if place === main, plan.model.initializerIndices[name] != nil {
        let operand = Operand(try plan.initializer(named: name), name: name)
        main.values[name] = operand
        return operand
      }
      guard place.sequences[name] == nil else {
        throw ONNXError(
          .unsupported, "the list \(name.quotedForMessage) is used where a tensor is expected")
      }
      current = place.parent
    }
    throw ONNXError(
      .malformed,
      "the value \(name.quotedForMessage) is used, and no node, input or tensor of the file gives it"
    )
  }

  private func operands(of node: NodeProto, in scope: Scope) throws(ONNXError) -> [Operand?] {
    var operands: [Operand?] = []
    for name in node.input { operands.append(name.isEmpty ? nil : try value(name, in: scope)) }
    return operands
  }

  // MARK: Nodes

  private func lower(_ node: NodeProto, in scope: Scope) throws(ONNXError) {
    try charge(1)
    do throws(ONNXError) {
      let results = try results(of: node, in: scope)
      for (name, operand) in zip(node.output, results) where !name.isEmpty {
        scope.values[name] = operand
      }
    } catch {
      throw error.located(place(of: node, in: scope))
    }
  }

  /// Counts operators against the limit.
  func charge(_ count: Int) throws(ONNXError) {
    guard count <= remainingNodes else {
      throw ONNXError(
        .tooLarge,
        "the model runs more than the \(plan.model.limits.maximumNodes) operators allowed")
    }
    remainingNodes -= count
  }

  private func place(of node: NodeProto, in scope: Scope) -> String {
    let version = scope.opsets[node.domain == "ai.onnx" ? "" : node.domain].map(String.init) ?? "?"
    let name = node.name.isEmpty ? (node.output.first ?? "") : node.name
    let domain = node.domain.isEmpty ? "" : node.domain + "."
    return "node \(name.quotedForMessage) (\(domain)\(node.opType), opset \(version))"
  }

  private func results(
    of node: NodeProto, in scope: Scope
  ) throws(ONNXError) -> [Operand] {
    if let function = plan.model.function(of: node) {
      return try call(function, node, in: scope)
    }
    if node.opType == "If", node.domain.isEmpty { return try branch(node, in: scope) }
    if let kind = SequenceOperator(rawValue: node.opType), OperatorTable.isStandard(node.domain) {
      return try results(of: kind, node, in: scope)
    }
    guard let entry = OperatorTable.entry(node.domain, node.opType) else {
      throw ONNXError(
        .unsupported,
        "this operator is not supported; \"gradleak onnx-operators\" lists those that are")
    }
    let domain = node.domain == "ai.onnx" ? "" : node.domain
    let opset = scope.opsets[domain] ?? (domain.isEmpty ? ONNXOperator.latestOpset : 1)
    guard opset >= entry.since else {
      throw ONNXError(
        .unsupported,
        "this operator is supported from opset \(entry.since); export the model again with a newer "
          + "one")
    }
    noteTransposedParameter(node, scope)
    return try results(
      of: node, entry, opset: opset, operands: try operands(of: node, in: scope))
  }

  func results(
    of node: NodeProto, _ entry: OperatorEntry, opset: Int, operands: [Operand?]
  ) throws(ONNXError) -> [Operand] {
    let call = OperatorCall(
      node: node, opset: opset, operands: operands, emission: emission,
      externalData: plan.model.externalData, batchOverride: plan.batchOverride)
    if let folded = try folding.fold(call, entry) { return folded }
    return try checked(try entry.handler(call))
  }

  /// A weight that multiplies from the right as it is stored is the transpose of PyTorch's.
  private func noteTransposedParameter(_ node: NodeProto, _ scope: Scope) {
    guard scope === main, node.input.count >= 2 else { return }
    let transposes = node.attribute.contains { $0.name == "transB" && $0.i != 0 }
    guard node.opType == "MatMul" || (node.opType == "Gemm" && !transposes) else { return }
    if plan.matrixParameters.contains(node.input[1]) {
      emission.transposedParameters.insert(node.input[1])
    }
  }

  /// A handler that returns a value of another type than it says is a mistake of ours, but no reason
  /// to trap on someone's file.
  private func checked(_ results: [Operand]) throws(ONNXError) -> [Operand] {
    for operand in results {
      guard case .graph(let value) = operand.content else { continue }
      guard value.dtype == operand.type.dtype(floating: emission.floating) else {
        throw ONNXError(
          .unsupported, "it mixes element types: \(operand.type) came out as \(value.dtype)")
      }
    }
    return results
  }

  // MARK: Functions and branches

  private func deeper(_ scope: Scope) throws(ONNXError) -> Int {
    guard scope.depth < plan.model.limits.maximumDepth else {
      throw ONNXError(
        .tooLarge, "functions and branches are nested deeper than \(plan.model.limits.maximumDepth)"
      )
    }
    return scope.depth + 1
  }

  private func call(
    _ function: FunctionProto, _ node: NodeProto, in scope: Scope
  ) throws(ONNXError) -> [Operand] {
    let opsets = scope.opsets.merging(opsetVersions(function.opsetImport)) { _, own in own }
    let body = Scope(parent: nil, opsets: opsets, depth: try deeper(scope))
    for (name, operand) in zip(function.input, try operands(of: node, in: scope)) {
      body.values[name] = operand
    }
    let missing = Set(function.input).subtracting(body.values.keys)
    for inner in function.node {
      var inner = bound(inner, to: node, function)
      // An optional input of the function that the caller leaves out.
      for (index, name) in inner.input.enumerated() where missing.contains(name) {
        inner.input[index] = ""
      }
      try lower(inner, in: body)
    }
    var results: [Operand] = []
    for name in function.output { results.append(try value(name, in: body)) }
    return results
  }

  /// A node of a function's body with the caller's attributes in place of references.
  private func bound(
    _ inner: NodeProto, to node: NodeProto, _ function: FunctionProto
  ) -> NodeProto {
    guard inner.attribute.contains(where: { !$0.refAttrName.isEmpty }) else { return inner }
    var inner = inner
    inner.attribute = inner.attribute.compactMap { attribute in
      guard !attribute.refAttrName.isEmpty else { return attribute }
      let name = attribute.refAttrName
      let given =
        node.attribute.first { $0.name == name }
        ?? function.attributeProto.first { $0.name == name }
      guard var given else { return nil }
      given.name = attribute.name
      return given
    }
    return inner
  }

  private func branch(_ node: NodeProto, in scope: Scope) throws(ONNXError) -> [Operand] {
    guard let condition = try operands(of: node, in: scope).first??.host, condition.count == 1
    else {
      throw ONNXError(.unsupported, "its condition depends on the data, which graphs cannot do")
    }
    let name = condition.doubles[0] != 0 ? "then_branch" : "else_branch"
    guard let graph = node.attribute.first(where: { $0.name == name })?.g else {
      throw ONNXError(.malformed, "its \(name) is missing")
    }
    let body = Scope(parent: scope, opsets: scope.opsets, depth: try deeper(scope))
    for tensor in graph.initializer {
      body.values[tensor.name] = Operand(try HostTensor(tensor, plan.model.externalData))
    }
    for inner in try NodeOrder.sorted(graph.node) { try lower(inner, in: body) }
    var results: [Operand] = []
    for output in graph.output { results.append(try value(output.name, in: body)) }
    return results
  }
}
