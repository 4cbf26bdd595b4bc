import ONNXProtobuf
import Testing

/// Protobuf's wire format, by bytes as protoc writes them.
struct ProtobufReaderTests {
  private func tensor(_ bytes: [UInt8]) throws(ProtobufError) -> Onnx_TensorProto {
    try Onnx_TensorProto(serializedBytes: bytes)
  }

  @Test func numbersAreTakenPackedAndUnpacked() throws {
    // dims = 300, -1 in fields of their own, then packed; float_data packed, then one.
    let minusOne: [UInt8] = [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]
    let one: [UInt8] = [0, 0, 128, 63]
    let read = try tensor(
      [8, 172, 2, 8] + minusOne + [10, 3, 172, 2, 7] + [34, 8] + one + one + [37] + one)
    #expect(read.dims == [300, -1, 300, 7])
    #expect(read.floatData == [1, 1, 1])
  }

  @Test func presenceIsNoticed() throws {
    let empty = try tensor([])
    #expect(!empty.hasRawData && !empty.hasDataType && !empty.hasSegment)
    let read = try tensor([16, 0, 74, 0, 26, 0])
    #expect(read.hasRawData && read.hasDataType && read.hasSegment && read.rawData.isEmpty)
  }

  /// Unknown fields of every kind, groups within groups among them, and known ones of another type.
  @Test func whatIsNotKnownIsSkipped() throws {
    let unknown: [UInt8] =
      [248, 6, 1] + [249, 6, 1, 2, 3, 4, 5, 6, 7, 8] + [250, 6, 2, 1, 2] + [253, 6, 1, 2, 3, 4]
      + [251, 6, 251, 6, 248, 6, 1, 252, 6, 252, 6] + [64, 5]
    #expect(try tensor(unknown + [66, 1, 120]).name == "x")
  }

  @Test func partsOfOneMessageAreJoined() throws {
    let model = try Onnx_ModelProto(
      serializedBytes: [58, 5, 10, 3, 34, 1, 97, 58, 5, 10, 3, 34, 1, 98])
    #expect(model.hasGraph && model.graph.node.map(\.opType) == ["a", "b"])
  }

  @Test(arguments: [
    ([8], ProtobufError.truncated), ([8, 128], .truncated), ([66, 5, 120], .truncated),
    ([37, 0, 0], .truncated), ([66, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], .truncated),
    ([8] + [UInt8](repeating: 255, count: 10) + [1], .malformedProtobuf),
    ([0, 1], .malformedProtobuf), ([15], .malformedProtobuf), ([12], .malformedProtobuf),
    ([251, 6, 244, 6], .malformedProtobuf), ([34, 3, 0, 0, 0], .malformedProtobuf),
    ([66, 2, 195, 40], .invalidUTF8),
  ])
  func wrongBytesAreRefused(_ bytes: [UInt8], _ expected: ProtobufError) {
    #expect(throws: expected) { try tensor(bytes) }
  }

  @Test(arguments: [(20, true), (40, false)])
  func depthIsLimited(_ graphs: Int, _ isRead: Bool) {
    // A graph's node's attribute's graph, and so on: three levels each.
    var content: [UInt8] = []
    func wrap(_ tag: UInt8) {
      var (length, count) = ([UInt8](), content.count)
      repeat {
        length.append(UInt8(count & 127) | (count > 127 ? 128 : 0))
        count >>= 7
      } while count > 0
      content = [tag] + length + content
    }
    for _ in 0..<graphs {
      wrap(50)
      wrap(42)
      wrap(10)
    }
    wrap(58)
    let model = try? Onnx_ModelProto(serializedBytes: content)
    #expect((model != nil) == isRead)
    if !isRead {
      #expect(throws: ProtobufError.messageDepthLimit) {
        try Onnx_ModelProto(serializedBytes: content)
      }
    }
    let groups = [UInt8](repeating: 251, count: 1)
    #expect(throws: ProtobufError.messageDepthLimit) {
      try tensor((0..<200).flatMap { _ in groups + [6] })
    }
  }
}
