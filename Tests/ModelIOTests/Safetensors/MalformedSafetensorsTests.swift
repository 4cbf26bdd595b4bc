import Fuzzing
import ModelIO
import TensorGraph
import TestSupport
import Testing

/// One file that breaks a rule, and words that its error must have.
struct MalformedFile: CustomTestStringConvertible {
  let bytes: [UInt8]
  let words: String
  var testDescription: String { words }

  init(_ header: String, data: Int = 0, _ words: String) {
    bytes = safetensors(header, data: data)
    self.words = words
  }

  init(bytes: [UInt8], _ words: String) {
    self.bytes = bytes
    self.words = words
  }

  /// A header with one tensor named `t`.
  init(
    dtype: String = "\"U8\"", shape: String = "[2]", offsets: String = "[0,2]", data: Int = 2,
    _ words: String
  ) {
    self.init(
      "{\"t\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)}}", data: data,
      words)
  }
}

private let entry = #""dtype":"U8","shape":[1],"data_offsets":[0,1]"#

private let malformedFiles: [MalformedFile] = [
  // The length and the frame.
  MalformedFile(bytes: [], "too few"),
  MalformedFile(bytes: [2, 0, 0, 0, 0, 0, 0], "too few"),
  MalformedFile(bytes: [3, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8), "only 2 follow"),
  MalformedFile(bytes: [1, 0xE1, 0xF5, 5, 0, 0, 0, 0], "more than the 100000000"),
  MalformedFile(bytes: [UInt8](repeating: 255, count: 8), "18446744073709551615 bytes"),
  MalformedFile("", "opening brace"),
  MalformedFile(" {}", "opening brace"),
  MalformedFile("[]", "opening brace"),
  MalformedFile("\u{FEFF}{}", "opening brace"),
  MalformedFile("{}\n", "after its end"),
  MalformedFile("{}{}", "after its end"),
  MalformedFile("{}\0", "after its end"),
  // JSON.
  MalformedFile("{", "no"),
  MalformedFile("{\"a\"", "no \":\""),
  MalformedFile("{\"a", "without an end"),
  MalformedFile("{\"a\":{\(entry)},}", data: 1, "no \"\"\""),
  MalformedFile("{\"a\":{\(entry),}}", data: 1, "no \"\"\""),
  MalformedFile("{a:1}", "no"),
  MalformedFile("{\"a\":1}", "no \"{\""),
  MalformedFile("{\"a\":null}", "no \"{\""),
  MalformedFile("{\"a\nb\":{\(entry)}}", data: 1, "control character"),
  MalformedFile("{\"\\x\":{\(entry)}}", data: 1, "wrong escape"),
  MalformedFile("{\"\\u12\":{\(entry)}}", data: 1, "wrong escape"),
  MalformedFile("{\"\\ud800\":{\(entry)}}", data: 1, "wrong escape"),
  MalformedFile("{\"\\udc00\":{\(entry)}}", data: 1, "wrong escape"),
  MalformedFile("{\"\\ud800\\u0041\":{\(entry)}}", data: 1, "wrong escape"),
  MalformedFile(bytes: safetensors([0x7B, 0x22, 0xFF, 0x22, 0x3A]), "not UTF-8"),
  MalformedFile(bytes: safetensors([0x7B, 0x22, 0xED, 0xA0, 0x80, 0x22]), "not UTF-8"),
  // Keys.
  MalformedFile("{\"a\":{\(entry)},\"a\":{\(entry)}}", data: 1, "names \"a\" twice"),
  MalformedFile("{\"a\":{\(entry)},\"\\u0061\":{\(entry)}}", data: 1, "names \"a\" twice"),
  MalformedFile("{\"a\":{\"dtype\":\"U8\",\(entry)}}", data: 1, "names \"dtype\" twice"),
  MalformedFile("{\"a\":{\"shape\":[1],\(entry)}}", data: 1, "names \"shape\" twice"),
  MalformedFile("{\"a\":{\(entry),\"data_offsets\":[0,1]}}", data: 1, "\"data_offsets\" twice"),
  MalformedFile("{\"__metadata__\":{},\"__metadata__\":{}}", "\"__metadata__\" twice"),
  MalformedFile("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", "names \"k\" twice"),
  MalformedFile("{\"__metadata__\":{\"k\":1}}", "no \"\"\""),
  MalformedFile("{\"__metadata__\":[]}", "no \"{\""),
  MalformedFile("{\"a\":{\(entry),\"extra\":1}}", data: 1, "unknown field \"extra\""),
  MalformedFile("{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", data: 1, "no dtype"),
  MalformedFile("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", data: 1, "no shape"),
  MalformedFile("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", data: 1, "no data_offsets"),
  MalformedFile("{\"a\":{}}", "no dtype"),
  // Types, shapes, offsets.
  MalformedFile(dtype: "\"F8_E4M3\"", "cannot be read"),
  MalformedFile(dtype: "\"u8\"", "cannot be read"),
  MalformedFile(dtype: "3", "no \"\"\""),
  MalformedFile(shape: "2", "no \"[\""),
  MalformedFile(shape: "[-2]", "no whole number"),
  MalformedFile(shape: "[2.0]", "no \"]\""),
  MalformedFile(shape: "[2e0]", "no \"]\""),
  MalformedFile(shape: "[02]", "no whole number"),
  MalformedFile(shape: "[+2]", "no whole number"),
  MalformedFile(shape: "[2,]", "no whole number"),
  MalformedFile(shape: "[\"2\"]", "no whole number"),
  MalformedFile(shape: "[[2]]", "no whole number"),
  MalformedFile(shape: "[99999999999999999999]", "too large"),
  MalformedFile(shape: "[4294967296,4294967296]", "too many elements"),
  MalformedFile(shape: "[0,4294967296,4294967296]", "too many elements"),
  MalformedFile(shape: "[9223372036854775807,2]", "too many elements"),
  MalformedFile(shape: "[\(String(repeating: "1,", count: 64))1]", "more than 64"),
  MalformedFile(shape: "[3]", "needs 3 bytes but its offsets span 2"),
  MalformedFile(dtype: "\"F64\"", "needs 16 bytes but its offsets span 2"),
  MalformedFile(offsets: "[2,0]", "not a start and an end"),
  MalformedFile(offsets: "[0]", "not a start and an end"),
  MalformedFile(offsets: "[0,2,2]", "more than 2"),
  MalformedFile(offsets: "[1,3]", data: 3, "hole of 1 bytes"),
  MalformedFile(data: 1, "which has only 1"),
  MalformedFile(data: 3, "1 bytes follow"),
  MalformedFile(
    offsets: "[9223372036854775805,9223372036854775807]", "ends at byte 9223372036854775807"),
  MalformedFile("{\"a\":{\(entry)},\"b\":{\(entry)}}", data: 1, "overlaps"),
  MalformedFile(
    """
    {"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},\
    "b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}
    """, data: 3, "overlaps"),
  MalformedFile("{}", data: 1, "1 bytes follow"),
]

struct MalformedSafetensorsTests {
  @Test(arguments: malformedFiles) func isRefused(_ file: MalformedFile) {
    #expect {
      try SafetensorsFile(bytes: file.bytes, path: "update.safetensors")
    } throws: { error in
      let message = "\(error)"
      return error is FileError && message.hasPrefix("update.safetensors: ")
        && message.contains(file.words) && !message.contains("\n")
    }
  }

  @Test func everyCutIsRefused() {
    let whole = bytes(of: fixtures + "/safetensors/all-types.safetensors")
    for count in 0..<whole.count {
      #expect(throws: FileError.self) {
        try SafetensorsFile(bytes: Array(whole[..<count]), path: "cut")
      }
    }
  }

  @Test func messagesCannotDriveTheTerminal() {
    let header = "{\"a\\u001b[2J\":{\"dtype\":\"\\u009b\",\"shape\":[],\"data_offsets\":[0,0]}}"
    #expect {
      try SafetensorsFile(bytes: safetensors(header), path: "t\u{1B}c")
    } throws: { error in
      "\(error)".unicodeScalars.allSatisfy { $0.value >= 32 && !(127..<160).contains($0.value) }
    }
  }

  /// A mutation either is refused or yields tensors that fill the data exactly.
  @Test(arguments: ["all-types", "bfloat16"]) func mutationsNeverCrash(_ name: String) {
    let whole = bytes(of: fixtures + "/safetensors/\(name).safetensors")
    var generator = FuzzGenerator(state: 1)
    var accepted = 0
    for _ in 0..<4000 {
      let mutated = whole.mutated(using: &generator)
      guard let file = try? SafetensorsFile(bytes: mutated, path: "mutated"),
        let tensors = try? file.tensors()
      else { continue }
      accepted += 1
      let elementCount = tensors.values.reduce(0) { $0 + $1.shape.elementCount }
      #expect(elementCount <= mutated.count)
    }
    // Flips in the data and in names are legal; flips in the header's structure are not.
    #expect(accepted > 0 && accepted < 4000)
  }
}
