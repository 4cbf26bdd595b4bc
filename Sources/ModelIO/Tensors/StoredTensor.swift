import TensorGraph

/// How the numbers of a tensor lie among bytes.
struct StoredTensor: Hashable, Sendable {
  let type: StoredType
  let shape: Shape
  /// Elements to step over for one step along each axis, none below 0; nil for row-major.
  var strides: [Int]?
  var isBigEndian = false
  /// The first byte of its first element.
  var start = 0

  /// The type as it is read.
  var readType: TensorType { TensorType(shape, type.dtype) }

  /// Bytes of the elements, each once. A valid shape's element count times 16 cannot overflow.
  var byteCount: Int { shape.elementCount * type.byteCount }

  /// The tensor whose first index runs fastest.
  static func columnMajorStrides(_ shape: Shape) -> [Int] {
    Shape(shape.dimensions.reversed()).strides.reversed()
  }

  /// Whether all elements lie among `count` bytes.
  func fits(in count: Int) -> Bool {
    guard start >= 0 else { return false }
    if shape.elementCount == 0 { return start <= count }
    var last = 0
    for (extent, step) in zip(shape.dimensions, strides ?? shape.strides) {
      let (product, overflows) = (extent - 1).multipliedReportingOverflow(by: step)
      let (sum, overruns) = last.addingReportingOverflow(product)
      guard step >= 0, !overflows, !overruns else { return false }
      last = sum
    }
    // Both are below the number of bytes, or refused.
    let (bytes, overflows) = last.multipliedReportingOverflow(by: type.byteCount)
    guard !overflows, start <= count else { return false }
    return bytes <= count - start - type.byteCount
  }

  /// The tensor; `data` must be long enough, see ``fits(in:)``. `F16` and `BF16` widen to `f32`, small integers
  /// to `i32`, `U32` to `i64`; any non-zero byte of a `BOOL` is true.
  func read(_ data: UnsafeRawBufferPointer) -> Tensor {
    let isDense = strides == nil || strides == shape.strides || shape.elementCount <= 1
    if isDense, !isBigEndian || type.byteCount == 1 {
      let range = start..<start + byteCount
      return Tensor(shape, storage(type, UnsafeRawBufferPointer(rebasing: data[range])))
    }
    return gathered(data).withUnsafeBytes { Tensor(shape, storage(type, $0)) }
  }

  /// The elements' bytes, row-major and little-endian.
  private func gathered(_ data: UnsafeRawBufferPointer) -> [UInt8] {
    let (size, strides) = (type.byteCount, strides ?? shape.strides)
    return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, written in
      var index = [Int](repeating: 0, count: shape.rank)
      var place = start
      for target in stride(from: 0, to: byteCount, by: size) {
        for byte in 0..<size {
          buffer.initializeElement(
            at: target + byte, to: data[place + (isBigEndian ? size - 1 - byte : byte)])
        }
        for axis in (0..<shape.rank).reversed() {
          index[axis] += 1
          place += strides[axis] * size
          if index[axis] < shape[axis] { break }
          place -= strides[axis] * size * shape[axis]
          index[axis] = 0
        }
      }
      written = byteCount
    }
  }
}

#if _endian(big)
  #error("the data is little-endian and is copied as it is")
#endif

/// The elements in `data`, whose size has been checked.
private func storage(_ type: StoredType, _ data: UnsafeRawBufferPointer) -> Tensor.Storage {
  switch type {
  case .f64: .f64(copy(data))
  case .f32: .f32(copy(data))
  case .f16: .f32(widen(data) { float(fromHalf: $0) })
  case .bf16: .f32(widen(data) { float(fromBrainFloat: $0) })
  case .i64: .i64(copy(data))
  case .i32: .i32(copy(data))
  case .i16: .i32(widen(data) { (element: Int16) in Int32(element) })
  case .i8: .i32(widen(data) { (element: Int8) in Int32(element) })
  case .u32: .i64(widen(data) { (element: UInt32) in Int64(element) })
  case .u16: .i32(widen(data) { (element: UInt16) in Int32(element) })
  case .u8: .i32(widen(data) { (element: UInt8) in Int32(element) })
  case .bool: .bool(widen(data) { (element: UInt8) in element != 0 })
  }
}

private func copy<Element: BitwiseCopyable>(_ data: UnsafeRawBufferPointer) -> [Element] {
  let count = data.count / MemoryLayout<Element>.size
  return [Element](unsafeUninitializedCapacity: count) { buffer, initializedCount in
    UnsafeMutableRawBufferPointer(buffer).copyMemory(from: data)
    initializedCount = count
  }
}

private func widen<Stored: BitwiseCopyable, Element: BitwiseCopyable>(
  _ data: UnsafeRawBufferPointer, _ transform: (Stored) -> Element
) -> [Element] {
  let stride = MemoryLayout<Stored>.size
  let count = data.count / stride
  return [Element](unsafeUninitializedCapacity: count) { buffer, initializedCount in
    for index in 0..<count {
      // The formats do not align tensors.
      let element = data.loadUnaligned(fromByteOffset: index * stride, as: Stored.self)
      buffer.initializeElement(at: index, to: transform(element))
    }
    initializedCount = count
  }
}
