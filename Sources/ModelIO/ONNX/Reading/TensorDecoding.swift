import TensorGraph

#if _endian(big)
  #error("ONNX data is little-endian and is copied as it is")
#endif

extension HostTensor {
  /// Reads a tensor of the file.
  ///
  /// - Throws: ``ONNXError`` when its type is not supported, or its data does not fit its shape.
  init(_ proto: TensorProto, _ external: ExternalData) throws(ONNXError) {
    do throws(ONNXError) {
      self = try HostTensor.decoded(proto, external)
    } catch {
      throw error.located("the tensor \(proto.name.quotedForMessage)")
    }
  }

  private static func decoded(
    _ proto: TensorProto, _ external: ExternalData
  ) throws(ONNXError) -> HostTensor {
    let type = try ONNXElementType.checked(proto.dataType, of: "it")
    let shape = try Shape(checking: proto.dims.map { Int($0) })
    guard !proto.hasSegment else {
      throw ONNXError(.unsupported, "it is stored in segments, which ONNX has given up")
    }
    let byteCount = shape.elementCount * type.byteCount
    if proto.dataLocation == .external {
      let storage = try external.withBytes(of: proto, byteCount: byteCount) {
        (bytes) throws(ONNXError) -> Storage in elements(type, bytes)
      }
      return HostTensor(shape, type, storage)
    }
    if proto.hasRawData {
      guard proto.rawData.count == byteCount else {
        throw ONNXError(
          .malformed,
          "it has \(proto.rawData.count) bytes, but \(shape) of \(type) needs \(byteCount)")
      }
      return HostTensor(shape, type, proto.rawData.withUnsafeBytes { elements(type, $0) })
    }
    let storage = typedElements(proto, type)
    let count =
      switch storage {
      case .integers(let elements): elements.count
      case .floats(let elements): elements.count
      }
    guard count == shape.elementCount else {
      throw ONNXError(
        .malformed, "it has \(count) elements, but its shape \(shape) needs \(shape.elementCount)")
    }
    return HostTensor(shape, type, storage)
  }

  /// Elements in the typed fields, one for each group of types.
  private static func typedElements(_ proto: TensorProto, _ type: ONNXElementType) -> Storage {
    switch type {
    case .float: .floats(proto.floatData.map { Double($0) })
    case .double: .floats(proto.doubleData)
    case .float16:
      .floats(proto.int32Data.map { Double(float(fromHalf: UInt16(truncatingIfNeeded: $0))) })
    case .bfloat16:
      .floats(proto.int32Data.map { Double(float(fromBrainFloat: UInt16(truncatingIfNeeded: $0))) })
    case .int64: .integers(proto.int64Data)
    case .uint32, .uint64: .integers(proto.uint64Data.map { Int64(clamping: $0) })
    case .uint8, .int8, .uint16, .int16, .int32:
      .integers(proto.int32Data.map { Int64($0) })
    case .bool: .integers(proto.int32Data.map { $0 == 0 ? 0 : 1 })
    }
  }

  /// Elements of packed little-endian bytes, whose number has been checked.
  private static func elements(
    _ type: ONNXElementType, _ bytes: UnsafeRawBufferPointer
  ) -> Storage {
    switch type {
    case .float: .floats(map(bytes) { (element: Float) in Double(element) })
    case .double: .floats(map(bytes) { (element: Double) in element })
    case .float16: .floats(map(bytes) { Double(float(fromHalf: $0)) })
    case .bfloat16: .floats(map(bytes) { Double(float(fromBrainFloat: $0)) })
    case .int64: .integers(map(bytes) { (element: Int64) in element })
    case .uint64: .integers(map(bytes) { (element: UInt64) in Int64(clamping: element) })
    case .int32: .integers(map(bytes) { (element: Int32) in Int64(element) })
    case .uint32: .integers(map(bytes) { (element: UInt32) in Int64(element) })
    case .int16: .integers(map(bytes) { (element: Int16) in Int64(element) })
    case .uint16: .integers(map(bytes) { (element: UInt16) in Int64(element) })
    case .int8: .integers(map(bytes) { (element: Int8) in Int64(element) })
    case .uint8: .integers(map(bytes) { (element: UInt8) in Int64(element) })
    case .bool: .integers(map(bytes) { (element: UInt8) in element == 0 ? 0 : 1 })
    }
  }

  private static func map<Stored: BitwiseCopyable, Element>(
    _ bytes: UnsafeRawBufferPointer, _ transform: (Stored) -> Element
  ) -> [Element] {
    let stride = MemoryLayout<Stored>.size
    return (0..<bytes.count / stride).map {
      transform(bytes.loadUnaligned(fromByteOffset: $0 * stride, as: Stored.self))
    }
  }
}

extension Shape {
  /// A shape from a file.
  init(checking dimensions: [Int]) throws(ONNXError) {
    do throws(GraphError) {
      try self.init(validating: dimensions)
    } catch {
      throw ONNXError(.malformed, error.message)
    }
  }
}

extension TensorProto {
  /// The shape, when the data in the file has its size. External data is checked when it is read.
  func checkedShape(_ type: ONNXElementType) throws(ONNXError) -> Shape {
    let shape = try Shape(checking: dims.map { Int($0) })
    let count =
      hasRawData
      ? rawData.count / type.byteCount
      : [floatData.count, doubleData.count, int32Data.count].reduce(0, max)
    guard dataLocation == .external || count == shape.elementCount else {
      throw ONNXError(
        .malformed,
        "the tensor \(name.quotedForMessage) has \(count) elements, but its shape \(shape) needs "
          + "\(shape.elementCount)")
    }
    return shape
  }
}
