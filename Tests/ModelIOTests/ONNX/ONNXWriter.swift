@testable import ModelIO

extension WireMessage {
  static func with(_ change: (inout Self) -> Void) -> Self {
    var message = Self()
    change(&message)
    return message
  }
}

/// Writes protobuf's wire format.
struct WireWriter {
  private(set) var bytes: [UInt8] = []

  init(_ write: (inout WireWriter) -> Void) { write(&self) }

  private mutating func varint(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func number(_ field: Int, _ number: Int64) {
    varint(UInt64(field << 3))
    varint(UInt64(bitPattern: number))
  }

  mutating func bytes(_ field: Int, _ content: [UInt8]) {
    varint(UInt64(field << 3 | 2))
    varint(UInt64(content.count))
    bytes += content
  }

  mutating func text(_ field: Int, _ text: String) { bytes(field, Array(text.utf8)) }

  mutating func message(_ field: Int, _ write: (inout WireWriter) -> Void) {
    bytes(field, WireWriter(write).bytes)
  }

  mutating func floats(_ field: Int, _ floats: [Float]) {
    bytes(
      field,
      floats.flatMap { float in withUnsafeBytes(of: float.bitPattern.littleEndian) { Array($0) } })
  }
}

extension ModelProto {
  /// The model as a file holds it, as far as these tests set its fields.
  func serializedBytes() -> [UInt8] {
    WireWriter { file in
      file.number(1, irVersion)
      for entry in opsetImport { file.message(8, entry.write) }
      file.message(7) { part in
        for node in graph.node { part.message(1, node.write) }
        for tensor in graph.initializer {
          part.message(5) {
            for extent in tensor.dims { $0.number(1, extent) }
            $0.number(2, Int64(tensor.dataType))
            $0.floats(4, tensor.floatData)
            $0.text(8, tensor.name)
          }
        }
        for value in graph.input { part.message(11, value.write) }
        for value in graph.output { part.message(12, value.write) }
      }
      for function in functions {
        file.message(25) { part in
          part.text(1, function.name)
          for name in function.input { part.text(4, name) }
          for name in function.output { part.text(5, name) }
          for node in function.node { part.message(7, node.write) }
          for entry in function.opsetImport { part.message(9, entry.write) }
          part.text(10, function.domain)
        }
      }
    }.bytes
  }
}

extension OperatorSetIdProto {
  fileprivate func write(_ part: inout WireWriter) {
    part.text(1, domain)
    part.number(2, version)
  }
}

extension NodeProto {
  fileprivate func write(_ part: inout WireWriter) {
    for name in input { part.text(1, name) }
    for name in output { part.text(2, name) }
    part.text(4, opType)
    for attribute in attribute {
      part.message(5) {
        $0.text(1, attribute.name)
        $0.number(3, attribute.i)
        $0.bytes(4, attribute.s)
      }
    }
    part.text(7, domain)
  }
}

extension ValueInfoProto {
  fileprivate func write(_ part: inout WireWriter) {
    part.text(1, name)
    guard !type.tensorType.shape.dim.isEmpty else { return }
    part.message(2) {
      $0.message(1) { tensor in
        tensor.number(1, Int64(type.tensorType.elemType))
        tensor.message(2) { shape in
          for case .dimValue(let extent)? in type.tensorType.shape.dim.map(\.value) {
            shape.message(1) { $0.number(1, extent) }
          }
        }
      }
    }
  }
}
