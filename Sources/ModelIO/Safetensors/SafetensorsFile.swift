import TensorGraph

/// A safetensors file: named tensors, each read when it is asked for.
///
/// Opening checks the whole header against the rules of
/// <https://github.com/huggingface/safetensors#format>; the tensors' bytes are mapped, not read.
/// The file must not be shortened while it is open.
public struct SafetensorsFile: Sendable {
  /// The path as the user gave it.
  public let path: String
  /// The names of the tensors, sorted by their UTF-8 bytes.
  public let names: [String]
  private let header: SafetensorsHeader
  private let content: FileContent

  /// Opens the file at `path`.
  ///
  /// - Throws: ``FileError`` when the file cannot be read or breaks a rule of the format.
  public init(contentsOf path: String) throws(FileError) {
    try self.init(.mapped(try MappedFile(path, expected: "a safetensors file")), path: path)
  }

  /// Takes a file that is in memory already; `path` only names it in messages.
  ///
  /// - Throws: ``FileError`` when the bytes break a rule of the format.
  public init(bytes: [UInt8], path: String) throws(FileError) {
    try self.init(.bytes(bytes), path: path)
  }

  init(_ content: FileContent, path: String) throws(FileError) {
    self.path = path
    self.content = content
    header = try content.withBytes { (bytes) throws(FileError) -> SafetensorsHeader in
      try SafetensorsHeader(parsing: bytes, path: path)
    }
    names = header.entries.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The file's `__metadata__`; empty when it has none.
  public var metadata: [String: String] { header.metadata }

  /// Shape and element type of the tensor as it would be read; nil when there is none so named.
  public func type(of name: String) -> TensorType? {
    header.entries[name].map { TensorType($0.shape, $0.type.dtype) }
  }

  /// The element type in the file, before widening; nil when there is no tensor so named.
  public func storedType(of name: String) -> StoredType? {
    header.entries[name]?.type
  }

  /// Reads one tensor. `F16` and `BF16` widen to `f32`, small integers to `i32`, `U32` to `i64`;
  /// any non-zero byte of a `BOOL` is true.
  ///
  /// - Throws: ``FileError`` when the file has no tensor of this name.
  public func tensor(named name: String) throws(FileError) -> Tensor {
    guard let entry = header.entries[name] else {
      throw missingTensor(name, of: names, path: path)
    }
    let stored = StoredTensor(
      type: entry.type, shape: entry.shape, start: header.dataStart + entry.offsets.lowerBound)
    return content.withBytes { stored.read($0) }
  }

  /// Reads every tensor.
  public func tensors() throws(FileError) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for name in names { tensors[name] = try tensor(named: name) }
    return tensors
  }
}
