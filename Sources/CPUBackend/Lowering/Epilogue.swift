import CKernels
import TensorGraph

/// A fused unit that ends the step of a contraction: it takes each share of the product while that is
/// in the cache, and the product itself is never stored.
struct Epilogue {
  let parameters: UnsafePointer<ck_fused>
  let name: String
  let reads: [BufferID]
  let writes: [BufferID]
  let inPlacePairs: [(write: BufferID, read: BufferID)]
  let hasSums: Bool
  /// Scratch bytes of the program, whole cache lines.
  let scratchByteCount: Int
}

/// Which units end the step of a contraction.
struct EpilogueChoice {
  private(set) var unitOfProducer: [NodeID: Int] = [:]
  private(set) var producerOfUnit: [Int: NodeID] = [:]

  /// A contraction and the only unit that reads it become one step. `readMemory` names the node whose
  /// memory is read when a node takes an operand; `takesEpilogue` whether a node's kernel can end so.
  init(
    _ graph: Graph, _ sources: ElementSources, _ fusion: Fusion,
    readMemory: (NodeID, Node) -> NodeID?, takesEpilogue: (NodeID) -> Bool
  ) {
    var readers: [NodeID: Set<Int>] = [:]
    var excluded = Set(graph.outputs.map { sources.memory(of: $0) })
    for (index, node) in graph.nodes.enumerated() {
      guard let unit = fusion.unitOfNode[index] else { continue }
      for operand in node.operands {
        guard let memory = readMemory(operand, node) else { continue }
        readers[memory, default: []].insert(unit)
        // Only what is read element by element need not be there as a whole.
        if case .dense = sources.sources[operand.index], node.op.isFusible { continue }
        excluded.insert(memory)
      }
    }
    for index in graph.nodes.indices {
      let id = NodeID(index)
      guard !excluded.contains(id), let units = readers[id], units.count == 1,
        let number = units.first, let unit = fusion.units[number], takesEpilogue(id),
        let own = fusion.unitOfNode[index], fusion.units[own]?.isFixed == unit.isFixed,
        producerOfUnit[number] == nil, unit.reductionShape.map(\.isTotal) ?? true
      else { continue }
      unitOfProducer[id] = number
      producerOfUnit[number] = id
    }
  }

  /// Nothing ends so.
  init() {}
}

extension ReductionShape {
  /// Whether all elements are reduced to one.
  fileprivate var isTotal: Bool { outer == 1 && inner == 1 }
}

extension Lowering {
  /// The unit that ends the step of a contraction of `taskCount` tasks, if one does.
  mutating func epilogue(
    of producer: NodeID, taskCount: Int
  ) throws(GraphError) -> Epilogue? {
    guard let unit = epilogues.unitOfProducer[producer].flatMap({ fusion.units[$0] }) else {
      return nil
    }
    var program = ProgramBuilder(elementCount: unit.elementCount, readsViewsInPlace: false)
    program.local = buffer(of: producer)
    try fill(&program, unit)
    let code = program.finish()
    var writes = program.writes
    let sinks = program.sinks.map { sink in
      let partials = plan.addBuffer(byteCount: taskCount * 8)
      writes += [partials, sink.buffer]
      return kernelSink(sink, code, partials: partials)
    }
    let parameters = kernelProgram(
      program, code, sinks, count: unit.elementCount, block: Int(CK_BLOCK), outer: 1,
      reduced: unit.elementCount, inner: 1, chunks: taskCount, chunkRows: 0, outerPerTask: 1)
    return Epilogue(
      parameters: parameters, name: name(of: unit), reads: program.reads, writes: writes,
      inPlacePairs: program.inPlacePairs, hasSums: !sinks.isEmpty,
      scratchByteCount: (code.scratchByteCount + 63) & ~63)
  }
}
