import TestSupport
import Testing

@testable import ModelIO

/// Protobuf's wire format from bytes that nobody has checked.
struct WireReaderTests {
  private func read<Message: WireMessage>(
    _ type: Message.Type, limit: Int = 100, _ write: (inout WireWriter) -> Void
  ) throws(WireError) -> Message {
    try WireReader.message(WireWriter(write).bytes, limit: limit)
  }

  /// Numbers one by one and packed, and fields that are not known.
  @Test func listsOfNumbersGoBothWays() throws {
    let tensor = try read(TensorProto.self) {
      $0.number(1, 3)
      $0.bytes(1, [2, 0xFF, 0x01])
      $0.number(1, -1)
      $0.floats(4, [1.5, -2])
      $0.bytes(99, [1, 2, 3])
      $0.number(98, 7)
      $0.bytes(10, [0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
      $0.number(5, -7)
    }
    #expect(tensor.dims == [3, 2, 255, -1] && tensor.floatData == [1.5, -2])
    #expect(tensor.doubleData == [1] && tensor.int32Data == [-7] && !tensor.hasRawData)
  }

  /// A message that comes twice is one, as the format says.
  @Test func partsOfAMessageAreJoined() throws {
    let model = try read(ModelProto.self) {
      $0.message(7) { $0.message(1) { $0.text(4, "Relu") } }
      $0.message(7) { $0.message(1) { $0.text(4, "Add") } }
    }
    #expect(model.hasGraph && model.graph.node.map(\.opType) == ["Relu", "Add"])
  }

  @Test(arguments: [
    ([0x0A], WireError.truncated), ([0x0A, 5, 1], .truncated), ([0x08], .truncated),
    ([0x08, 0x80], .truncated), ([0x00, 0], .wrongTag), ([0x0B], .wrongTag), ([0x0F], .wrongTag),
    ([0x08] + [UInt8](repeating: 0xFF, count: 10), .longNumber), ([0x11, 1, 2], .truncated),
    ([0x12, 1, 0xFF], .noText), ([0x10, 1], .wrongTag), ([0x3A, 2, 0x0A, 7], .truncated),
    ([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], .truncated),
  ])
  func whatIsNoMessageIsRefused(_ bytes: [UInt8], _ error: WireError) {
    #expect(throws: error) { () throws -> ModelProto in
      try WireReader.message(bytes, limit: 100)
    }
  }

  @Test func depthAndNumberAreLimited() throws {
    func nested(_ depth: Int) -> [UInt8] {
      (0..<depth).reduce([]) { inner, _ in
        WireWriter { $0.message(1) { $0.message(5) { $0.bytes(6, inner) } } }.bytes
      }
    }
    _ = try WireReader.message(nested(21), limit: 1000) as GraphProto
    #expect(throws: WireError.tooDeep) {
      try WireReader.message(nested(22), limit: 1000) as GraphProto
    }
    let many = WireWriter { for _ in 0..<9 { $0.text(2, "") } }.bytes
    _ = try WireReader.message(many, limit: 9) as NodeProto
    #expect(throws: WireError.tooMany) { try WireReader.message(many, limit: 8) as NodeProto }
  }

  /// Every beginning of a model is read or refused, and none of it traps.
  @Test func beginningsOfAModel() {
    let whole = bytes(of: "\(fixtures)/onnx/models/cnn.onnx")
    for count in stride(from: 0, to: whole.count, by: 7) {
      _ = try? WireReader.message(Array(whole[..<count]), limit: 1 << 20) as ModelProto
    }
  }
}
