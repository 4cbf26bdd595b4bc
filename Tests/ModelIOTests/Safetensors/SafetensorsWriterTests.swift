import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

struct SafetensorsWriterTests {
  let folder = TestFolder()
  let tensors: [String: Tensor] = [
    "weight": Tensor([2, 2], .f32([1, -2, .infinity, 1e-30])),
    "a\"\\\u{1}é": Tensor([1], .f64([0.1])),
    "mask": Tensor([3], .bool([true, false, true])),
    "labels": Tensor([2], .i64([.min, .max])),
    "steps": Tensor([], .i32([-7])),
    "empty": Tensor([4, 0], .f32([])),
  ]

  @Test func whatIsWrittenIsReadBack() throws {
    let path = folder("update.safetensors")
    let metadata = ["loss": "cross\nentropy", "a": "\""]
    try Safetensors.write(tensors, metadata: metadata, to: path)
    let file = try SafetensorsFile(contentsOf: path)
    #expect(try file.tensors() == tensors)
    #expect(file.metadata == metadata)
    #expect(folder.contents == ["update.safetensors"])
  }

  @Test func sameTensorsGiveTheSameAlignedBytes() throws {
    try Safetensors.write(tensors, to: folder("a"))
    let shuffled = Dictionary(uniqueKeysWithValues: tensors.reversed())
    try Safetensors.write(shuffled, to: folder("b"))
    let first = bytes(of: folder("a"))
    #expect(first == bytes(of: folder("b")))
    #expect(first[0] % 8 == 0)
    let header = String(decoding: first[8..<8 + Int(first[0]) + 256 * Int(first[1])], as: UTF8.self)
    #expect(header.hasPrefix(#"{"a\"\\\u0001é":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}"#))
    // Widest elements first, so that each tensor starts at a multiple of its element size.
    let order = ["F64", "I64", "F32", "I32", "F32", "BOOL"]
    var position = header.startIndex
    for type in order {
      let found = header[position...].range(of: "\"dtype\":\"\(type)\"")
      position = try #require(found, "\(type) in \(header)").upperBound
    }
  }

  @Test func noTensorsIsAFileToo() throws {
    try Safetensors.write([:], to: folder("none"))
    #expect(try SafetensorsFile(contentsOf: folder("none")).names == [])
  }

  @Test func theMetadataNameIsReserved() {
    #expect(throws: FileError.self) {
      try Safetensors.write(["__metadata__": Tensor(scalar: 1, .f32)], to: folder("x"))
    }
    #expect(folder.contents == [])
  }

  @Test func aFileThatIsReadCanBeReplaced() throws {
    let path = folder("update.safetensors")
    try Safetensors.write(tensors, to: path)
    let old = try SafetensorsFile(contentsOf: path)
    try Safetensors.write(["only": Tensor(scalar: 3, .f64)], to: path)
    #expect(try old.tensors() == tensors)
    #expect(try SafetensorsFile(contentsOf: path).names == ["only"])
  }
}
