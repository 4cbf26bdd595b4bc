import ONNXProtobuf

/// Fields in protobuf's wire format.
private struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func add(_ field: Int, _ number: Int64) {
    varint(UInt64(field) << 3)
    varint(UInt64(bitPattern: number))
  }

  mutating func add(_ field: Int, _ content: [UInt8]) {
    varint(UInt64(field) << 3 | 2)
    varint(UInt64(content.count))
    bytes += content
  }

  mutating func add(_ field: Int, _ text: String) {
    if !text.isEmpty { add(field, Array(text.utf8)) }
  }

  mutating func add(_ field: Int, _ messages: [some WrittenMessage]) {
    for message in messages { add(field, message.serializedBytes()) }
  }
}

/// A message that the tests write, with the fields that they set.
protocol WrittenMessage: ProtobufMessage {
  func serializedBytes() -> [UInt8]
}

extension WrittenMessage {
  static func with(_ fill: (inout Self) -> Void) -> Self {
    var message = Self()
    fill(&message)
    return message
  }

  fileprivate func written(_ add: (inout ProtobufWriter) -> Void) -> [UInt8] {
    var writer = ProtobufWriter()
    add(&writer)
    return writer.bytes
  }
}

extension Onnx_ModelProto: WrittenMessage {
  func serializedBytes() -> [UInt8] {
    written {
      $0.add(1, irVersion)
      $0.add(7, [graph])
      $0.add(8, opsetImport)
      $0.add(25, functions)
    }
  }
}

extension Onnx_OperatorSetIdProto: WrittenMessage {
  func serializedBytes() -> [UInt8] {
    written {
      $0.add(1, domain)
      $0.add(2, version)
    }
  }
}

extension Onnx_FunctionProto: WrittenMessage {
  func serializedBytes() -> [UInt8] {
    written {
      $0.add(1, name)
      for value in input { $0.add(4, value) }
      for value in output { $0.add(5, value) }
      $0.add(7, node)
      $0.add(9, opsetImport)
      $0.add(10, domain)
    }
  }
}

extension Onnx_GraphProto: WrittenMessage {
  func serializedBytes() -> [UInt8] {
    written {
      $0.add(1, node)
      $0.add(5, initializer)
      $0.add(11, input)
      $0.add(12, output)
    }
  }
}

extension Onnx_NodeProto: WrittenMessage {
  func serializedBytes() -> [UInt8] {
    written {
      for value in input { $0.add(1, Array(value.utf8)) }
      for value in output { $0.add(2, value) }
      $0.add(3, name)
      $0.add(4, opType)
      $0.add(5, attribute)
      $0.add(7, domain)
    }
  }
}

extension Onnx_AttributeProto: WrittenMessage {
  func serializedBytes() -> [UInt8] {
    written {
      $0.add(1, name)
      $0.add(3, i)
      $0.add(4, s)
    }
  }
}

extension Onnx_TensorProto: WrittenMessage {
  func serializedBytes() -> [UInt8] {
    written {
      for extent in dims { $0.add(1, extent) }
      $0.add(2, Int64(dataType))
      $0.add(4, floatData.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
      $0.add(8, name)
    }
  }
}

extension Onnx_ValueInfoProto: WrittenMessage {
  func serializedBytes() -> [UInt8] {
    written {
      $0.add(1, name)
      $0.add(2, [type])
    }
  }
}

extension Onnx_TypeProto: WrittenMessage {
  func serializedBytes() -> [UInt8] { written { $0.add(1, [tensorType]) } }
}

extension Onnx_TypeProto.Tensor: WrittenMessage {
  func serializedBytes() -> [UInt8] {
    written {
      $0.add(1, Int64(elemType))
      if !shape.dim.isEmpty { $0.add(2, [shape]) }
    }
  }
}

extension Onnx_TensorShapeProto: WrittenMessage {
  func serializedBytes() -> [UInt8] { written { $0.add(1, dim) } }
}

extension Onnx_TensorShapeProto.Dimension: WrittenMessage {
  func serializedBytes() -> [UInt8] { written { $0.add(1, dimValue) } }
}
