import ModelIO
import TensorGraph
import TestSupport
import Testing

/// A safetensors file put together from its parts.
func safetensors(_ header: String, data: Int = 0) -> [UInt8] {
  safetensors(Array(header.utf8), data: data)
}

func safetensors(_ header: [UInt8], data: Int = 0) -> [UInt8] {
  withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
    + [UInt8](repeating: 0, count: data)
}

struct SafetensorsFileTests {
  let file: SafetensorsFile

  init() throws {
    file = try SafetensorsFile(contentsOf: fixtures + "/safetensors/all-types.safetensors")
  }

  @Test func readsEveryTypeThatPythonWrites() throws {
    let expected: [String: Tensor] = [
      "f64": Tensor([2, 3], .f64([1.5, -2.25, 1e300, 0, -0.0, 0.1])),
      "f32": Tensor([1, 2, 1], .f32([0.5, -1.25])),
      "f16": Tensor([4], .f32([1, -0.5, 65504, 0x1p-24])),
      "i64": Tensor([2], .i64([-(1 << 62), 7])),
      "i32": Tensor([2, 1], .i32([-5, .max])),
      "i16": Tensor([2], .i32([-300, 300])),
      "i8": Tensor([2], .i32([-128, 127])),
      "u32": Tensor([1], .i64([4_294_967_295])),
      "u16": Tensor([1], .i32([65535])),
      "u8": Tensor([3], .i32([0, 255, 3])),
      "bool": Tensor([3], .bool([true, false, true])),
      "scalar": Tensor([], .f32([42])),
      "empty": Tensor([0, 3], .f32([])),
      "name with \"quotes\", é and \n": Tensor([1], .f32([1])),
    ]
    #expect(try file.tensors() == expected)
    #expect(Set(file.names) == Set(expected.keys))
    #expect(file.names.first == "bool" && file.names.last == "u8")
    for (name, tensor) in expected { #expect(file.type(of: name) == tensor.type) }
  }

  @Test func keepsTheSignOfZero() throws {
    let zero = try file.tensor(named: "f64").doubles[4]
    #expect(zero == 0 && zero.sign == .minus)
  }

  @Test func readsMetadata() {
    #expect(file.metadata == ["format": "np", "note": "a \"quoted\" \\ value"])
  }

  @Test func tellsTheStoredType() {
    #expect(file.storedType(of: "f16") == .f16)
    #expect(file.storedType(of: "u8") == .u8)
    #expect(file.storedType(of: "missing") == nil)
    #expect(file.type(of: "missing") == nil)
  }

  @Test func readsBrainFloats() throws {
    let file = try SafetensorsFile(contentsOf: fixtures + "/safetensors/bfloat16.safetensors")
    #expect(try file.tensor(named: "b") == Tensor([2, 2], .f32([1, -2, 3.140625, .infinity])))
  }

  @Test func namesTheTensorsWhenOneIsMissing() {
    #expect {
      try file.tensor(named: "weight")
    } throws: { error in
      let message = "\(error)"
      return message.contains("no tensor named \"weight\"") && message.contains("\"bool\"")
        && message.contains("14 names")
    }
  }

  @Test func acceptsWhatTheFormatAllows() throws {
    let inputs = [
      safetensors("{}"),
      safetensors("{}      "),
      safetensors(
        "{ \"a\" : {\n\"shape\":[ ] , \"data_offsets\":[0, 1],\t\"dtype\":\"U8\" } } ", data: 1),
      safetensors(#"{"a":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]}}"#),
      safetensors(#"{"__metadata__":{}}"#),
      safetensors(
        #"{"\u00e9\ud83d\ude00":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, data: 1),
      safetensors(
        """
        {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
        "c":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},
        "b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}
        """, data: 3),
    ]
    for input in inputs { _ = try SafetensorsFile(bytes: input, path: "t").tensors() }
    #expect(try SafetensorsFile(bytes: inputs[5], path: "t").names == ["é😀"])
  }

  @Test func readsTensorsThatAreNotAligned() throws {
    var bytes = safetensors(
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
        + #""b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}}"#, data: 1)
    bytes += withUnsafeBytes(of: 2.5) { Array($0) }
    let file = try SafetensorsFile(bytes: bytes, path: "t")
    #expect(try file.tensor(named: "b") == Tensor([1], .f64([2.5])))
  }

  #if arch(x86_64) && !os(macOS) || arch(arm64)
    @Test func widensEveryHalf() throws {
      var bytes = safetensors(
        #"{"a":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}"#)
      for bits in UInt16.min...UInt16.max { bytes += [UInt8(bits & 255), UInt8(bits >> 8)] }
      let file = try SafetensorsFile(bytes: bytes, path: "t")
      guard case .f32(let elements) = try file.tensor(named: "a").storage else { return }
      for bits in UInt16.min...UInt16.max {
        let expected = Float(Float16(bitPattern: bits))
        let actual = elements[Int(bits)]
        let isSame =
          expected.isNaN ? actual.isNaN : actual.bitPattern == expected.bitPattern
        if !isSame { Issue.record("\(bits): \(actual), not \(expected)") }
      }
    }
  #endif
}
