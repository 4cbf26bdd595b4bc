import CKernels
import TensorGraph

/// An operand of an instruction under construction.
enum ProgramOperand: Hashable {
  case register(Int, elementSize: Int)
  /// A buffer read or written element by element.
  case memory(BufferID, elementSize: Int)
  /// The first element of a buffer, repeated.
  case scalar(BufferID)
  /// A constant at a byte offset, repeated.
  case constant(Int)
  /// A view read in place: one element for a whole block, or a row of them.
  case view(Int, repeats: Bool)

  var repeats: Bool {
    switch self {
    case .register, .memory: false
    case .scalar, .constant: true
    case .view(_, let repeats): repeats
    }
  }
}

/// Collects the instructions of a fused program, then assigns registers.
struct ProgramBuilder {
  struct ViewKey: Hashable {
    let source: ElementSource
    let dtype: DType
  }

  enum ViewPlace {
    case buffer(BufferID)
    case constant(Double)
    case iota
  }

  struct ViewSource {
    let place: ViewPlace
    let view: StridedView
  }

  struct Sink {
    let reduction: ck_reduction
    let type: ck_type
    fileprivate(set) var operand: ProgramOperand
    /// The operand that the first one is multiplied with.
    fileprivate(set) var second: ProgramOperand?
    let buffer: BufferID

    fileprivate var operands: [ProgramOperand] { [operand] + (second.map { [$0] } ?? []) }
  }

  private struct Instruction {
    /// nil reads view number `view`.
    let function: ck_function?
    let view: Int
    let operands: [ProgramOperand]
    let result: ProgramOperand
    let isProduct: Bool
  }

  let elementCount: Int
  /// Whether views are read in place.
  let readsViewsInPlace: Bool
  /// The buffer whose elements another kernel computes just before the program takes them.
  var local: BufferID?
  private var instructions: [Instruction] = []
  private var registerCount = 0
  private var values: [NodeID: ProgramOperand] = [:]
  private(set) var views: [ck_view] = []
  private(set) var sinks: [Sink] = []
  private(set) var constants: [UInt64] = []
  private var constantOffsets: [UInt64: Int] = [:]
  private var viewedBuffers: Set<BufferID> = []
  /// The register that holds each view that was read.
  var viewRegisters: [ViewKey: ProgramOperand] = [:]
  var viewsInPlace: [ViewKey: ProgramOperand] = [:]
  /// Rough cost of an element, in simple operations.
  private(set) var cost = 0

  init(elementCount: Int, readsViewsInPlace: Bool) {
    self.elementCount = elementCount
    self.readsViewsInPlace = readsViewsInPlace
  }

  func value(of id: NodeID) -> ProgramOperand? { values[id] }

  mutating func set(_ id: NodeID, _ operand: ProgramOperand) { values[id] = operand }

  mutating func newRegister(elementSize: Int) -> ProgramOperand {
    registerCount += 1
    return .register(registerCount - 1, elementSize: elementSize)
  }

  mutating func constant(_ value: Double, _ dtype: DType) -> ProgramOperand {
    var bits: UInt64 = 0
    Tensor(scalar: value, dtype).withUnsafeBytes { bytes in
      withUnsafeMutableBytes(of: &bits) { $0.copyMemory(from: bytes) }
    }
    if let offset = constantOffsets[bits] { return .constant(offset) }
    let offset = constants.count * 8
    constants.append(bits)
    constantOffsets[bits] = offset
    return .constant(offset)
  }

  mutating func add(
    _ function: @escaping ck_function, _ operands: [ProgramOperand], to result: ProgramOperand,
    cost: Int, isProduct: Bool = false
  ) {
    instructions.append(
      Instruction(
        function: function, view: 0, operands: operands, result: result, isProduct: isProduct))
    self.cost += cost
  }

  /// Reads a view into `result`.
  ///
  /// - Throws: ``GraphError`` when the view has more axes than the kernels take.
  mutating func addView(
    _ source: ViewSource, _ dtype: DType, to result: ProgramOperand
  ) throws(GraphError) {
    let number = try store(source, dtype)
    instructions.append(
      Instruction(function: nil, view: number, operands: [], result: result, isProduct: false))
    cost += 1
  }

  /// A view read where it lies, which blocks within its last axis allow.
  mutating func viewInPlace(
    _ source: ViewSource, _ dtype: DType
  ) throws(GraphError) -> ProgramOperand {
    .view(try store(source, dtype), repeats: source.view.strides.last == 0)
  }

  private mutating func store(_ source: ViewSource, _ dtype: DType) throws(GraphError) -> Int {
    let rank = source.view.extents.count
    guard rank <= Int(CK_MAXIMUM_RANK) else {
      throw GraphError(
        "the CPU backend broadcasts over at most \(CK_MAXIMUM_RANK) axes, not \(rank)", .unsupported
      )
    }
    var view = ck_view()
    view.rank = Int32(rank)
    view.type = dtype.kernelType
    switch source.place {
    case .buffer(let buffer):
      view.buffer = buffer.kernelIndex
      viewedBuffers.insert(buffer)
    case .constant(let value):
      if case .constant(let offset) = constant(value, dtype) { view.offset = Int64(offset) }
      view.buffer = Int32(CK_CONSTANT)
    case .iota:
      view.iota = true
    }
    withUnsafeMutableBytes(of: &view.extents) { $0.store(source.view.extents.map(Int64.init)) }
    withUnsafeMutableBytes(of: &view.strides) { $0.store(source.view.strides.map(Int64.init)) }
    views.append(view)
    return views.count - 1
  }

  mutating func addSink(
    _ reduction: ck_reduction, _ type: ck_type, of operand: ProgramOperand, to buffer: BufferID
  ) {
    sinks.append(
      Sink(reduction: reduction, type: type, operand: operand, second: nil, buffer: buffer))
    cost += 1
  }

  /// Lets sums of products take both factors, so that the products are never stored.
  mutating func foldProductsIntoSums() {
    for index in sinks.indices where sinks[index].reduction == CK_SUM {
      let sum = sinks[index].operand
      guard case .register = sum,
        let position = instructions.firstIndex(where: { $0.result == sum }),
        instructions[position].isProduct,
        !instructions[position].operands.contains(where: \.repeats),
        !instructions.contains(where: { $0.operands.contains(sum) }),
        sinks.filter({ $0.operands.contains(sum) }).count == 1
      else { continue }
      sinks[index].operand = instructions[position].operands[0]
      sinks[index].second = instructions[position].operands[1]
      instructions.remove(at: position)
    }
  }

  // MARK: Memory

  /// Buffers that the program writes, without those of its sinks.
  var writes: [BufferID] {
    instructions.compactMap { instruction in
      if case .memory(let buffer, _) = instruction.result { buffer } else { nil }
    }
  }

  /// Buffers that the program reads and does not write itself.
  var reads: [BufferID] {
    let own = Set(writes + (local.map { [$0] } ?? []))
    var result = viewedBuffers
    for operand in instructions.flatMap(\.operands) + sinks.flatMap(\.operands) {
      switch operand {
      case .memory(let buffer, _), .scalar(let buffer): result.insert(buffer)
      case .register, .constant, .view: break
      }
    }
    return result.subtracting(own).sorted { $0.index < $1.index }
  }

  /// Operands that a result may overwrite: of elements as large, read for the last time by then, and
  /// only element by element.
  var inPlacePairs: [(write: BufferID, read: BufferID)] {
    var lastRead: [BufferID: Int] = [:]
    var excluded = viewedBuffers
    var sizes: [BufferID: Int] = [:]
    for (index, instruction) in instructions.enumerated() {
      for operand in instruction.operands {
        switch operand {
        case .memory(let buffer, let size):
          lastRead[buffer] = index
          sizes[buffer] = size
        case .scalar(let buffer): excluded.insert(buffer)
        case .register, .constant, .view: break
        }
      }
    }
    for case .memory(let buffer, _) in sinks.flatMap(\.operands) { excluded.insert(buffer) }
    let readable = reads.filter { !excluded.contains($0) }
    var pairs: [(write: BufferID, read: BufferID)] = []
    for (index, instruction) in instructions.enumerated() {
      guard case .memory(let write, let size) = instruction.result, instruction.function != nil
      else { continue }
      for read in readable where sizes[read] == size && (lastRead[read] ?? 0) <= index {
        pairs.append((write, read))
      }
    }
    return pairs
  }

  // MARK: Registers

  /// The finished program.
  struct Code {
    fileprivate(set) var operands: [ck_operand] = []
    fileprivate(set) var instructions: [ck_instruction] = []
    fileprivate(set) var scratchByteCount = 0
    fileprivate var numbers: [ProgramOperand: Int32] = [:]

    func number(of operand: ProgramOperand) -> Int32 { numbers[operand] ?? 0 }
  }

  func finish() -> Code {
    var code = Code()
    let slots = registerSlots()
    let slotCount = (slots.max() ?? -1) + 1
    let all = instructions.flatMap { $0.operands + [$0.result] } + sinks.flatMap(\.operands)
    // The evaluator's table of addresses comes first in the scratch memory.
    let distinct = Set(all).count
    let tableByteCount = (distinct * MemoryLayout<UnsafeRawPointer>.stride + 63) & ~63
    let registerByteCount = Int(CK_BLOCK) * (usesWideElements(all) ? 8 : 4)
    for operand in all where code.numbers[operand] == nil {
      code.numbers[operand] = Int32(code.operands.count)
      switch operand {
      case .register(let register, _):
        code.operands.append(
          ck_operand(
            buffer: Int32(CK_REGISTER), step: 0,
            offset: Int64(tableByteCount + slots[register] * registerByteCount)))
      case .memory(let buffer, _) where buffer == local:
        code.operands.append(ck_operand(buffer: Int32(CK_LOCAL), step: 0, offset: 0))
      case .memory(let buffer, let size):
        code.operands.append(ck_operand(buffer: buffer.kernelIndex, step: Int32(size), offset: 0))
      case .scalar(let buffer):
        code.operands.append(ck_operand(buffer: buffer.kernelIndex, step: 0, offset: 0))
      case .constant(let offset):
        code.operands.append(
          ck_operand(buffer: Int32(CK_CONSTANT), step: 0, offset: Int64(offset)))
      case .view(let number, _):
        code.operands.append(
          ck_operand(buffer: Int32(CK_VIEW), step: 0, offset: Int64(number)))
      }
    }
    code.instructions = instructions.map { instruction in
      let operands = instruction.operands.map { code.number(of: $0) }
      return ck_instruction(
        function: instruction.function, result: code.number(of: instruction.result),
        first: instruction.function == nil ? Int32(instruction.view) : operands[0],
        second: operands.count > 1 ? operands[1] : 0, third: operands.count > 2 ? operands[2] : 0)
    }
    code.scratchByteCount = tableByteCount + slotCount * registerByteCount
    return code
  }

  private func usesWideElements(_ operands: [ProgramOperand]) -> Bool {
    operands.contains { if case .register(_, let size) = $0 { size == 8 } else { false } }
  }

  /// The slot of each register: as few as possible, reused once a register is read for the last time.
  private func registerSlots() -> [Int] {
    var lastUse = [Int](repeating: -1, count: registerCount)
    for (index, instruction) in instructions.enumerated() {
      for case .register(let register, _) in instruction.operands { lastUse[register] = index }
    }
    for case .register(let register, _) in sinks.flatMap(\.operands) {
      lastUse[register] = instructions.count
    }
    var slots = [Int](repeating: 0, count: registerCount)
    var free: [Int] = []
    var slotCount = 0
    for (index, instruction) in instructions.enumerated() {
      var ending: [Int] = []
      for case .register(let register, let size) in instruction.operands
      where lastUse[register] == index && !ending.contains(slots[register]) {
        // An operand of the result's size may be overwritten as it is read.
        if case .register(_, let resultSize) = instruction.result, resultSize == size {
          free.append(slots[register])
        } else {
          ending.append(slots[register])
        }
        lastUse[register] = -2
      }
      if case .register(let register, _) = instruction.result {
        if let slot = free.popLast() {
          slots[register] = slot
        } else {
          slots[register] = slotCount
          slotCount += 1
        }
      }
      free += ending
    }
    return slots
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Stores values one after the other from the start.
  func store(_ values: [Int64]) {
    for (index, value) in values.enumerated() {
      storeBytes(of: value, toByteOffset: index * 8, as: Int64.self)
    }
  }
}
