/// Owns the C structures that the steps of a plan point to. Filled while planning, read-only after.
final class ParameterStore {
  private var blocks: [UnsafeMutableRawPointer] = []

  /// A copy of one value at a stable address.
  func store<Value: BitwiseCopyable>(_ value: Value) -> UnsafePointer<Value> {
    store([value])
  }

  /// A copy of the values at a stable address; valid also when there are none.
  func store<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafePointer<Value> {
    let byteCount = max(values.count * MemoryLayout<Value>.stride, 1)
    let block = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 16)
    blocks.append(block)
    let elements = block.bindMemory(to: Value.self, capacity: max(values.count, 1))
    elements.initialize(from: values, count: values.count)
    return UnsafePointer(elements)
  }

  deinit {
    for block in blocks { block.deallocate() }
  }
}
