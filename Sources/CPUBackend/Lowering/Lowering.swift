import CKernels
import TensorGraph

/// Turns a canonical graph into a plan: the buffers of all values, and the steps that fill them.
struct Lowering {
  let graph: Graph
  /// The kernels of this processor.
  let variant: OpaquePointer
  let sources: ElementSources
  /// For each node whether it depends on fixed inputs alone.
  let isFixed: [Bool]
  let fusion: Fusion
  private(set) var epilogues = EpilogueChoice()
  var plan = Plan()
  /// The buffer of each node that has memory.
  private var buffers: [BufferID?]
  /// The output that each node is computed into.
  private var outputOfNode: [NodeID: Int] = [:]
  /// Nodes whose elements are needed after their own step.
  private(set) var needsMemory: Set<NodeID> = []
  /// Operands rearranged for the convolutions, shared by all that want the same.
  var packed: [PackedOperand: BufferID] = [:]

  /// - Throws: ``GraphError`` when the graph is beyond what the kernels take.
  static func plan(
    _ graph: Graph, _ variant: OpaquePointer, fusesElementwise: Bool
  ) throws(GraphError) -> Plan {
    var lowering = Lowering(graph, variant, fusesElementwise: fusesElementwise)
    return try lowering.lower()
  }

  private init(_ graph: Graph, _ variant: OpaquePointer, fusesElementwise: Bool) {
    self.graph = graph
    self.variant = variant
    let sources = ElementSources(graph)
    self.sources = sources
    isFixed = graph.nodesOnFixedInputs
    fusion = Fusion(graph, sources, isFixed: isFixed, fuses: fusesElementwise)
    buffers = [BufferID?](repeating: nil, count: graph.nodes.count)
    if fusesElementwise {
      epilogues = EpilogueChoice(
        graph, sources, fusion, readMemory: { readMemory($0, by: $1) },
        takesEpilogue: { takesEpilogue($0) })
    }
    findValuesThatNeedMemory()
    assignOutputs()
  }

  private mutating func findValuesThatNeedMemory() {
    for (index, node) in graph.nodes.enumerated() {
      if case .reduction(.reduce) = node.op { needsMemory.insert(NodeID(index)) }
      guard let unit = fusion.unitOfNode[index] else { continue }
      for operand in node.operands {
        let memory = readMemory(operand, by: node)
        if let memory, fusion.unitOfNode[memory.index] != unit { needsMemory.insert(memory) }
      }
    }
    for output in graph.outputs { needsMemory.insert(sources.memory(of: output)) }
  }

  /// Whether the kernel of a node can end with an elementwise program.
  private func takesEpilogue(_ id: NodeID) -> Bool {
    let node = graph[id]
    guard case .contraction(.convolutionWeightGradient) = node.op, node.shape.elementCount > 0
    else {
      return false
    }
    return graph.convolutionGeometry(of: node).map(\.gradientIsProduct) ?? false
  }

  /// The node whose memory is read when `node` takes `operand`.
  private func readMemory(_ operand: NodeID, by node: Node) -> NodeID? {
    guard node.op.isFusible || node.op.isReadInPlace else { return sources.memory(of: operand) }
    switch sources.sources[operand.index] {
    case .constant, .iota: return nil
    case .dense(let memory), .view(let memory, _): return memory
    }
  }

  /// Lets nodes be computed straight into the buffers that the caller binds.
  private mutating func assignOutputs() {
    for (index, output) in graph.outputs.enumerated() {
      let memory = sources.memory(of: output)
      if case .input = graph[memory].op { continue }
      // What the prologue computes must outlive the caller's writing to the output.
      if isFixed[memory.index] || outputOfNode[memory] != nil { continue }
      outputOfNode[memory] = index
    }
  }

  private mutating func lower() throws(GraphError) -> Plan {
    for unit in fusion.orderedUnits() {
      let first = unit.members[0]
      let node = graph[first]
      // A contraction that ends with a unit takes that unit's place.
      let producer = fusion.unitOfNode[first.index].flatMap { epilogues.producerOfUnit[$0] }
      if let producer {
        try lower(producer, graph[producer])
      } else if epilogues.unitOfProducer[first] != nil {
        continue
      } else if node.op.isFusible || node.op.isReadInPlace {
        try lowerFused(unit)
      } else if node.shape.elementCount > 0 {
        try lower(first, node)
      }
    }
    for (index, output) in graph.outputs.enumerated() { copyOutput(index, output) }
    return plan
  }

  /// Lowers a node that is a unit of its own.
  private mutating func lower(_ id: NodeID, _ node: Node) throws(GraphError) {
    switch node.op {
    case .input, .constant, .iota, .elementwise, .reduction(.reduce):
      preconditionFailure("\(node.op.name) is not a unit of its own")
    case .reduction(.argmax(let axis)):
      lowerArgmax(id, node, axis: axis)
    case .contraction(.matmul(let transposeA, let transposeB)):
      lowerMatmul(id, node, transposeA, transposeB)
    case .contraction(.convolution), .contraction(.convolutionInputGradient),
      .contraction(.convolutionWeightGradient):
      try lowerConvolutions(id, node)
    case .reduction(.windowArgmax(let window)):
      lowerWindowArgmax(id, node, window)
    case .structural(let op):
      try lowerStructural(id, node, op)
    case .indexing:
      lowerIndexing(id, node)
    }
  }

  // MARK: Buffers

  /// The buffer that holds the node's elements.
  mutating func buffer(of id: NodeID) -> BufferID {
    let memory = sources.memory(of: id)
    if let buffer = buffers[memory.index] { return buffer }
    let place: BufferPlace
    if case .input(let index, _) = graph[memory].op {
      place = .input(index)
    } else if let output = outputOfNode[memory] {
      place = .output(output)
    } else {
      place = .arena
    }
    let buffer = plan.addBuffer(byteCount: graph[memory].type.byteCount, place: place)
    buffers[memory.index] = buffer
    return buffer
  }

  /// Copies an output that could not be computed in place.
  private mutating func copyOutput(_ index: Int, _ output: NodeID) {
    let memory = sources.memory(of: output)
    let byteCount = graph[output].type.byteCount
    if outputOfNode[memory] == index || byteCount == 0 { return }
    let source = buffer(of: output)
    let target = plan.addBuffer(byteCount: byteCount, place: .output(index))
    addCopy(
      "copy output", from: source, to: target, elementSize: 1, extents: [byteCount],
      sourceStrides: [1], resultStrides: [1], isFixed: false)
  }
}

extension DType {
  var kernelType: ck_type {
    switch self {
    case .f32: CK_F32
    case .f64: CK_F64
    case .i32: CK_I32
    case .i64: CK_I64
    case .bool: CK_BOOL
    }
  }
}

/// The quotient rounded up: how many pieces of `size` cover `count`.
func ceilingDivide(_ count: Int, by size: Int) -> Int { (count + size - 1) / size }
