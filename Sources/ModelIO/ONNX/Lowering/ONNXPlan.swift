import TensorGraph

/// What of a model is lowered, with which shapes: all of a program but the graph.
struct ONNXPlan: Sendable {
  let model: ONNXModel
  let inputs: [ONNXTensorSpec]
  let parameters: [ONNXTensorSpec]
  /// Inputs that the caller has fixed.
  let constantInputs: [String: HostTensor]
  /// Names of the parameters that are matrices.
  let matrixParameters: Set<String>
  let anonymousParameters: Set<String>
  let outputNames: [String]
  /// Positions of the graph's nodes that the outputs need, in order.
  let nodes: [Int]
  /// The batch size that the exporter has frozen, and the one that replaces it.
  let batchOverride: BatchOverride?

  struct BatchOverride: Sendable {
    let declared: Int
    let actual: Int
  }

  init(
    model: ONNXModel, inputShapes: [String: [Int]], options: ONNXOptions
  ) throws(ONNXError) {
    self.model = model
    let graph = model.proto.graph
    let declaredNames = graph.output.map(\.name)
    outputNames = options.outputs ?? declaredNames
    // What a node computes may be wanted too: the logits before a last softmax.
    let inner = Set(graph.node.flatMap(\.output))
    if let stranger = outputNames.first(where: {
      !declaredNames.contains($0) && !inner.contains($0)
    }) {
      throw ONNXError(
        .mismatch, "the model has no output \(stranger.quotedForMessage), only \(declaredNames)")
    }
    guard !outputNames.isEmpty else { throw ONNXError(.malformed, "the model has no outputs") }
    let binding = try InputBinding(model.inputs, inputShapes, options)
    inputs = binding.specs
    constantInputs = binding.constants
    batchOverride = binding.batchOverride
    nodes = ONNXPlan.neededNodes(graph, outputNames)
    var operators = OperatorCount(model.functions, model.limits)
    try operators.check(nodes.lazy.map { graph.node[$0] })
    let roles = InitializerRoles(graph, nodes: nodes, options)
    var parameters: [ONNXTensorSpec] = []
    var seen: Set<String> = []
    for tensor in graph.initializer where roles.parameters.contains(tensor.name) {
      guard seen.insert(tensor.name).inserted else { continue }
      let type = try ONNXElementType.checked(
        tensor.dataType, of: "the initialiser \(tensor.name.quotedForMessage)")
      let shape = try tensor.checkedShape(type)
      parameters.append(ONNXTensorSpec(name: tensor.name, shape: shape, elementType: type))
    }
    self.parameters = parameters
    matrixParameters = Set(parameters.filter { $0.shape.rank == 2 }.map(\.name))
    for spec in inputs + parameters where spec.shape.elementCount > model.limits.maximumElements {
      throw ONNXError(
        .tooLarge,
        "\(spec.name.quotedForMessage) of shape \(spec.shape) has more than the "
          + "\(model.limits.maximumElements) elements allowed")
    }
    anonymousParameters = roles.parameters.filter(InitializerRoles.isMadeByExporter)
  }

  /// Reads an initialiser of the main graph.
  func initializer(named name: String) throws(ONNXError) -> HostTensor {
    guard let index = model.initializerIndices[name] else {
      throw ONNXError(.malformed, "there is no initialiser named \(name.quotedForMessage)")
    }
    return try HostTensor(model.proto.graph.initializer[index], model.externalData)
  }

  static func neededNodes(_ graph: GraphProto, _ outputs: [String]) -> [Int] {
    var needed = Set(outputs)
    var nodes: [Int] = []
    for (index, node) in graph.node.enumerated().reversed()
    where node.output.contains(where: { !$0.isEmpty && needed.contains($0) }) {
      nodes.append(index)
      needed.formUnion(node.input)
      needed.formUnion(node.attribute.flatMap(NodeOrder.outerNames))
    }
    return nodes.reversed()
  }
}

extension ONNXModel {
  /// Names of the parameters (see ``ONNXProgram``) that outputs depend on, in the file's order.
  ///
  /// - Parameter outputs: names of outputs or of values inside the graph.
  public func parameterNames(behind outputs: [String]) -> [String] {
    let graph = proto.graph
    let nodes = ONNXPlan.neededNodes(graph, outputs)
    let roles = InitializerRoles(graph, nodes: nodes, ONNXOptions())
    var seen: Set<String> = []
    return graph.initializer.map(\.name).filter {
      roles.parameters.contains($0) && seen.insert($0).inserted
    }
  }
}

/// What trying a program out has shown.
struct ONNXTrial {
  var buffers: [ONNXTensorSpec]
  var bufferContents: [HostTensor]
  var outputs: [ONNXTensorSpec]
  var warnings: [String]
  var trainingProblem: ONNXError?
  var transposedParameters: Set<String>
}

extension ONNXPlan {
  /// Lowers the model in every mode into graphs that are thrown away, to check it and to find the
  /// buffers it takes.
  func tryOut() throws(ONNXError) -> ONNXTrial {
    let first = try tryOut(.evaluation, after: nil)
    var trial = ONNXTrial(
      buffers: first.table.specs, bufferContents: first.table.contents, outputs: first.outputs,
      warnings: first.warnings, trainingProblem: nil, transposedParameters: first.transposed)
    guard dependsOnMode else { return trial }
    var table = first.table
    for mode in [ONNXForwardMode.asExported, .training] {
      do throws(ONNXError) {
        let next = try tryOut(mode, after: table)
        table = next.table
        trial.warnings += next.warnings.filter { !trial.warnings.contains($0) }
      } catch {
        if mode == .training { trial.trainingProblem = error.located(model.path) }
      }
    }
    trial.buffers = table.specs
    trial.bufferContents = table.contents
    return trial
  }

  private struct Attempt {
    let table: BufferTable
    let outputs: [ONNXTensorSpec]
    let warnings: [String]
    let transposed: Set<String>
  }

  private func tryOut(
    _ mode: ONNXForwardMode, after table: BufferTable?
  ) throws(ONNXError) -> Attempt {
    let builder = GraphBuilder()
    func declare(_ specs: [ONNXTensorSpec]) -> [Value] {
      specs.map { spec in
        let type = spec.type(floating: .f32)
        return builder.input(spec.name, type.shape, type.dtype)
      }
    }
    let newTable =
      table.map { BufferTable(continuing: $0, in: builder, floating: .f32) }
      ?? BufferTable(growingIn: builder, floating: .f32)
    let lowering = try GraphLowering(
      plan: self, emission: emission(builder, newTable, mode, .f32), inputs: declare(inputs),
      parameters: declare(parameters))
    let results = try lowering.run()
    let outputs = zip(outputNames, results).map { name, operand in
      ONNXTensorSpec(name: name, shape: operand.shape, elementType: operand.type)
    }
    for operand in results { _ = try lowering.emission.term(operand) }
    return Attempt(
      table: newTable, outputs: outputs, warnings: lowering.emission.warnings,
      transposed: lowering.emission.transposedParameters)
  }

  private func emission(
    _ builder: GraphBuilder, _ buffers: BufferTable, _ mode: ONNXForwardMode, _ floating: DType
  ) -> Emission {
    let emission = Emission(
      builder: builder, floating: floating, mode: mode, buffers: buffers, limits: model.limits,
      maximumTotalElements: model.limits.maximumTotalElements)
    emission.refusesNaN = true
    return emission
  }

  /// Whether any node may behave differently in training.
  private var dependsOnMode: Bool {
    let names: Set = ["BatchNormalization", "Dropout"]
    let isIn = { (node: NodeProto) in names.contains(node.opType) }
    return model.proto.graph.node.contains(where: isIn)
      || model.proto.functions.contains { $0.node.contains(where: isIn) }
  }

  /// Builds the outputs' values.
  func emit(
    in builder: GraphBuilder, inputs: [Value], parameters: [Value], buffers: BufferTable,
    mode: ONNXForwardMode, floating: DType
  ) throws(ONNXError) -> [Value] {
    let lowering = try GraphLowering(
      plan: self, emission: emission(builder, buffers, mode, floating), inputs: inputs,
      parameters: parameters)
    var values: [Value] = []
    for operand in try lowering.run() { values.append(try lowering.emission.term(operand).value) }
    return values
  }
}
