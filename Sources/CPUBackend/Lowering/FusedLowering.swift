import CKernels
import TensorGraph

extension Lowering {
  /// Lowers a unit of elementwise nodes and reductions to one step.
  mutating func lowerFused(_ unit: Unit) throws(GraphError) {
    if unit.elementCount == 0 { return }
    let rowBlock = rowBlock(unit)
    var program = ProgramBuilder(
      elementCount: unit.elementCount, readsViewsInPlace: rowBlock != nil)
    try fill(&program, unit)
    let code = program.finish()
    let work = FusedWork(unit, cost: program.cost, block: rowBlock ?? Int(CK_BLOCK))

    var sinks: [ck_sink] = []
    var writes = program.writes
    for sink in program.sinks {
      var partials = sink.buffer
      if work.chunks > 1 {
        partials = plan.addBuffer(byteCount: work.outer * work.chunks * work.inner * 8)
        writes.append(partials)
      }
      writes.append(sink.buffer)
      sinks.append(kernelSink(sink, code, partials: partials))
    }
    let parameters = kernelProgram(
      program, code, sinks, count: unit.elementCount, block: work.block, outer: work.outer,
      reduced: work.reduced, inner: work.inner, chunks: work.chunks, chunkRows: work.chunkRows,
      outerPerTask: work.outerPerTask)
    plan.add(
      PlannedStep(
        name(of: unit), CK_FUSED, finish: work.chunks > 1 ? CK_FUSED_FINISH : nil,
        UnsafeRawPointer(parameters), taskCount: work.taskCount,
        reads: program.reads, writes: writes, inPlacePairs: program.inPlacePairs,
        scratchByteCount: code.scratchByteCount),
      isFixed: unit.isFixed)
  }

  /// Adds all members of the unit to the program.
  mutating func fill(_ program: inout ProgramBuilder, _ unit: Unit) throws(GraphError) {
    for member in unit.members { try add(member, to: &program, unit) }
    if unit.reductionShape?.inner == 1 { program.foldProductsIntoSums() }
  }

  func kernelSink(
    _ sink: ProgramBuilder.Sink, _ code: ProgramBuilder.Code, partials: BufferID
  ) -> ck_sink {
    ck_sink(
      reduction: sink.reduction, type: sink.type, operand: code.number(of: sink.operand),
      second: sink.second.map { code.number(of: $0) } ?? -1, buffer: sink.buffer.kernelIndex,
      partials: partials.kernelIndex)
  }

  func kernelProgram(
    _ program: ProgramBuilder, _ code: ProgramBuilder.Code, _ sinks: [ck_sink], count: Int,
    block: Int, outer: Int, reduced: Int, inner: Int, chunks: Int, chunkRows: Int,
    outerPerTask: Int
  ) -> UnsafePointer<ck_fused> {
    let store = plan.parameters
    return store.store(
      ck_fused(
        count: Int64(count), block: Int64(block), outer: Int64(outer), reduced: Int64(reduced),
        inner: Int64(inner), chunks: Int64(chunks), chunk_rows: Int64(chunkRows),
        outer_per_task: Int64(outerPerTask), operand_count: Int32(code.operands.count),
        instruction_count: Int32(code.instructions.count), sink_count: Int32(sinks.count),
        operands: store.store(code.operands), instructions: store.store(code.instructions),
        views: store.store(program.views), sinks: store.store(sinks),
        constants: UnsafeRawPointer(store.store(program.constants))
          .assumingMemoryBound(to: CChar.self)))
  }

  /// The length of blocks that never cross the last axis of a broadcast, if that pays: broadcasts are
  /// then read in place, as one element or a row of them.
  private func rowBlock(_ unit: Unit) -> Int? {
    var length = 0
    for operand in unit.members.flatMap({ graph[$0].operands }) {
      if case .view(_, let view) = sources.sources[operand.index], !view.isUniform {
        length = greatestCommonDivisor(length, view.extents.last ?? 1)
      }
    }
    // Shorter blocks cost more in calls than copying the broadcast does.
    let shortest = 128
    guard length >= shortest else { return nil }
    let candidates = (1...max(length / shortest, 1)).lazy.filter { length % $0 == 0 }
      .map { length / $0 }
    guard let block = candidates.first(where: { $0 <= Int(CK_BLOCK) }), block >= shortest,
      unit.reductionShape?.fitsBlocks(of: block) ?? true
    else { return nil }
    return block
  }

  func name(of unit: Unit) -> String {
    unit.members.map { graph[$0].op.name }.joined(separator: " ") + " [\(unit.elementCount)]"
  }

  private mutating func add(
    _ id: NodeID, to program: inout ProgramBuilder, _ unit: Unit
  ) throws(GraphError) {
    let node = graph[id]
    func dtype(_ operand: Int) -> DType { graph[node.operands[operand]].dtype }
    switch node.op {
    case .constant, .iota, .structural(.broadcast):
      let target = ProgramOperand.memory(buffer(of: id), elementSize: node.dtype.byteCount)
      try program.addView(try view(sources.sources[id.index], node.dtype), node.dtype, to: target)
      program.set(id, target)
    case .elementwise(.unary(let op)):
      let x = try vector(node.operands[0], &program, unit)
      let function = ck_unary_function(variant, op.kernelOp, node.dtype.kernelType)
      try emit(id, node, function, [x], cost: op.cost, &program)
    case .elementwise(.binary(let op)):
      let (x, y) = try pair(node.operands[0], node.operands[1], &program, unit)
      let function = ck_binary_function(
        variant, op.kernelOp, node.dtype.kernelType, x.repeats, y.repeats)
      try emit(
        id, node, function, [x, y], cost: op == .power ? 32 : 1, isProduct: op == .multiply,
        &program)
    case .elementwise(.compare(let op)):
      let (x, y) = try pair(node.operands[0], node.operands[1], &program, unit)
      let function = ck_compare_function(
        variant, op.kernelOp, dtype(0).kernelType, x.repeats, y.repeats)
      try emit(id, node, function, [x, y], cost: 1, &program)
    case .elementwise(.select):
      let flags = try vector(node.operands[0], &program, unit)
      let x = try scalarOrVector(node.operands[1], &program, unit)
      let y = try scalarOrVector(node.operands[2], &program, unit)
      let function = ck_select_function(variant, node.dtype.kernelType, x.repeats, y.repeats)
      try emit(id, node, function, [flags, x, y], cost: 2, &program)
    case .elementwise(.convert(let target)):
      let x = try vector(node.operands[0], &program, unit)
      let function = ck_convert_function(variant, dtype(0).kernelType, target.kernelType)
      try emit(id, node, function, [x], cost: 2, &program)
    case .reduction(.reduce(let reduction, _)):
      let x = try vector(node.operands[0], &program, unit)
      program.addSink(
        reduction == .sum ? CK_SUM : CK_MAXIMUM, node.dtype.kernelType, of: x,
        to: buffer(of: id))
    case .input, .reduction(.argmax), .reduction(.windowArgmax), .contraction,
      .structural(.reshape), .structural(.transpose), .structural(.slice), .structural(.pad),
      .structural(.concatenate), .indexing:
      preconditionFailure("\(node.op.name) is not elementwise")
    }
  }

  private mutating func emit(
    _ id: NodeID, _ node: Node, _ function: ck_function?, _ operands: [ProgramOperand], cost: Int,
    isProduct: Bool = false, _ program: inout ProgramBuilder
  ) throws(GraphError) {
    guard let function else {
      throw GraphError(
        "the CPU backend has no kernel for \(node.op.name) to \(node.type)", .unsupported)
    }
    let result =
      needsMemory.contains(id)
      ? ProgramOperand.memory(buffer(of: id), elementSize: node.dtype.byteCount)
      : program.newRegister(elementSize: node.dtype.byteCount)
    program.add(function, operands, to: result, cost: cost, isProduct: isProduct)
    program.set(id, result)
  }

  // MARK: Operands

  /// Two operands of which at most one is a repeated element.
  private mutating func pair(
    _ left: NodeID, _ right: NodeID, _ program: inout ProgramBuilder, _ unit: Unit
  ) throws(GraphError) -> (ProgramOperand, ProgramOperand) {
    let x = try scalarOrVector(left, &program, unit)
    let y = try scalarOrVector(right, &program, unit)
    return (x.repeats && y.repeats ? try vector(left, &program, unit) : x, y)
  }

  /// The operand as one repeated element where it is uniform, else as a vector.
  private mutating func scalarOrVector(
    _ id: NodeID, _ program: inout ProgramBuilder, _ unit: Unit
  ) throws(GraphError) -> ProgramOperand {
    switch sources.sources[id.index] {
    case .constant(let value):
      return program.constant(value, graph[id].dtype)
    case .view(let memory, let view) where view.isUniform:
      return .scalar(buffer(of: memory))
    case .view(_, let view) where program.readsViewsInPlace && view.strides.last == 0:
      return try viewInPlace(id, &program)
    case .dense, .view, .iota:
      return try vector(id, &program, unit)
    }
  }

  /// The operand with an element of its own for every position.
  private mutating func vector(
    _ id: NodeID, _ program: inout ProgramBuilder, _ unit: Unit
  ) throws(GraphError) -> ProgramOperand {
    let source = sources.sources[id.index]
    let dtype = graph[id].dtype
    if case .dense(let memory) = source {
      return program.value(of: memory)
        ?? .memory(buffer(of: memory), elementSize: dtype.byteCount)
    }
    if case .view(_, let view) = source, program.readsViewsInPlace, view.strides.last == 1 {
      return try viewInPlace(id, &program)
    }
    let key = ProgramBuilder.ViewKey(source: source, dtype: dtype)
    if let register = program.viewRegisters[key] { return register }
    let register = program.newRegister(elementSize: dtype.byteCount)
    try program.addView(try view(source, dtype), dtype, to: register)
    program.viewRegisters[key] = register
    return register
  }

  private mutating func viewInPlace(
    _ id: NodeID, _ program: inout ProgramBuilder
  ) throws(GraphError) -> ProgramOperand {
    let (source, dtype) = (sources.sources[id.index], graph[id].dtype)
    let key = ProgramBuilder.ViewKey(source: source, dtype: dtype)
    if let operand = program.viewsInPlace[key] { return operand }
    let operand = try program.viewInPlace(try view(source, dtype), dtype)
    program.viewsInPlace[key] = operand
    return operand
  }

  private mutating func view(
    _ source: ElementSource, _ dtype: DType
  ) throws(GraphError) -> ProgramBuilder.ViewSource {
    switch source {
    case .constant(let value):
      return ProgramBuilder.ViewSource(
        place: .constant(value), view: StridedView(extents: [Int.max], strides: [0]))
    case .dense(let memory):
      return ProgramBuilder.ViewSource(
        place: .buffer(buffer(of: memory)), view: StridedView(extents: [Int.max], strides: [1]))
    case .view(let memory, let view):
      return ProgramBuilder.ViewSource(place: .buffer(buffer(of: memory)), view: view)
    case .iota(let view):
      return ProgramBuilder.ViewSource(place: .iota, view: view)
    }
  }
}

private func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
  var (left, right) = (left, right)
  while right != 0 { (left, right) = (right, left % right) }
  return left
}
