import TestSupport
import Testing

@testable import ModelIO

/// Files of other programs are named, in every reader.
struct ForeignFileTests {
  private static func zip(_ entry: String) -> [UInt8] {
    [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + [UInt8(entry.utf8.count), 0, 0, 0]
      + Array(entry.utf8) + [UInt8](repeating: 0, count: 64)
  }

  /// Kind of file, its first bytes, and a word of how to convert it to safetensors.
  static let files: [(kind: String, bytes: [UInt8], remedy: String)] = [
    ("PyTorch", zip("g/data.pkl"), "torch.load"), ("PyTorch", zip("archive/data.pkl"), "save_file"),
    ("PyTorch", [0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20], "torch.load"),
    ("NumPy archive", zip("a.npy"), "numpy.load"),
    ("NumPy array", [0x93] + Array("NUMPY\u{1}\0v\0{'descr'".utf8), "numpy.load"),
    ("Keras", zip("metadata.json"), "h5py"), ("ZIP", zip("readme.txt"), "unpack"),
    ("pickle", [0x80, 4, 0x95, 0, 0, 0], "save_file"),
    ("HDF5", [0x89] + Array("HDF\r\n\u{1A}\n".utf8), "h5py"),
    (
      "Git LFS", Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8),
      "git lfs pull"
    ),
    ("web page", Array("\n  <!DOCTYPE html><html>".utf8), "download"),
    ("web page", Array("<?xml version=\"1.0\"?><Error><Code>AccessDenied".utf8), "download"),
    ("gzip", [0x1F, 0x8B, 8, 0], "unpack"), ("Zstandard", [0x28, 0xB5, 0x2F, 0xFD], "unpack"),
    ("ONNX", [0x08, 0x08, 0x12, 0x07] + Array("pytorch".utf8), "with model"),
    ("JSON", Array("{\"weight_map\": {}}".utf8), "describes"),
    ("PNG", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0], "safetensors"),
    ("SQLite", Array("SQLite format 3\0".utf8), "safetensors"),
    ("GGUF", Array("GGUF\u{3}\0\0\0".utf8), "safetensors"),
  ]

  @Test(arguments: files.indices)
  func whereTensorsAreWanted(_ index: Int) {
    let file = ForeignFileTests.files[index]
    #expect {
      try SafetensorsFile(bytes: file.bytes, path: "x")
    } throws: {
      "\($0)".contains(file.kind) && "\($0)".contains(file.remedy)
    }
  }

  /// Other programs' files where any file of tensors will do.
  @Test(arguments: files.indices)
  func whereAnyTensorsAreWanted(_ index: Int) {
    let (kind, bytes, _) = ForeignFileTests.files[index]
    #expect(throws: FileError.self) { try TensorFile(bytes: bytes, path: "x") }
    // Of archives the list of entries tells, and these have none.
    if bytes.starts(with: [0x50, 0x4B]) || kind == "NumPy array" { return }
    #expect {
      try TensorFile(bytes: bytes, path: "x")
    } throws: {
      "\($0)".contains(kind)
    }
  }

  @Test(arguments: files.indices)
  func whereOthersAreWanted(_ index: Int) throws {
    let (kind, bytes, _) = ForeignFileTests.files[index]
    if kind != "ONNX" {
      #expect {
        try ONNXModel(bytes: bytes, path: "x")
      } throws: {
        "\($0)".contains(kind)
      }
    }
    if kind != "PNG" {
      #expect {
        try Image(bytes: bytes, path: "x")
      } throws: {
        "\($0)".contains(kind)
      }
    }
    if kind != "JSON" {
      #expect {
        try JSONValue(parsing: bytes, path: "x")
      } throws: {
        "\($0)".contains(kind)
      }
      #expect {
        try Tokenizer(vocabularyBytes: bytes, path: "x")
      } throws: {
        "\($0)".contains(kind)
      }
    }
  }

  /// What the program writes and reads itself is taken for nothing else.
  @Test func ownFilesAreTheirOwn() throws {
    let folder = TestFolder()
    try Safetensors.write(["a": .init([2], .f32([1, 2]))], to: folder("a.safetensors"))
    #expect(FileFormat(of: bytes(of: folder("a.safetensors"))) == .safetensors)
    #expect(FileFormat(of: bytes(of: "\(fixtures)/images/rgb.png")) == .png)
    #expect(FileFormat(of: bytes(of: "\(fixtures)/images/rgb.jpg")) == .jpeg)
    #expect(FileFormat(of: Array("[UNK]\nthe\n".utf8)) == .json)
    try WantedFile.text.refuseOthers(Array("[UNK]\nthe\n".utf8), path: "vocab.txt")
    #expect(FileFormat(of: []) == nil)
  }

  @Test func keysThatStandTwiceAreFound() throws {
    func key(_ text: String) throws -> String? {
      try JSONValue(parsing: Array(text.utf8), path: "x").duplicateKey
    }
    #expect(try key("{\"a\": 1, \"b\": {\"a\": 2}}") == nil)
    #expect(try key("{\"a\": 1, \"a\": 2}") == "a")
    #expect(try key("{\"a\": [{\"b\": 1, \"b\": 1}]}") == "a.b")
  }
}
