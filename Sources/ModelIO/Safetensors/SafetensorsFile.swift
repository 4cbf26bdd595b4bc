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
  private let content: Content

  private enum Content: Sendable {
    case mapped(MappedFile)
    case bytes([UInt8])
  }

  /// Opens the file at `path`.
  ///
  /// - Throws: ``FileError`` when the file cannot be read or breaks a rule of the format.
  public init(contentsOf path: String) throws(FileError) {
    let file = try MappedFile(path, expected: "a safetensors file")
    let header = try SafetensorsHeader(parsing: file.bytes, path: path)
    self.init(path: path, header: header, content: .mapped(file))
  }

  /// Takes a file that is in memory already; `path` only names it in messages.
  ///
  /// - Throws: ``FileError`` when the bytes break a rule of the format.
  public init(bytes: [UInt8], path: String) throws(FileError) {
    let header = try bytes.withUnsafeBufferPointer {
      (buffer) throws(FileError) -> SafetensorsHeader in
      try SafetensorsHeader(parsing: UnsafeRawBufferPointer(buffer), path: path)
    }
    self.init(path: path, header: header, content: .bytes(bytes))
  }

  private init(path: String, header: SafetensorsHeader, content: Content) {
    self.path = path
    self.header = header
    self.content = content
    names = header.entries.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The file's `__metadata__`; empty when it has none.
  public var metadata: [String: String] { header.metadata }

  /// Shape and element type of the tensor as it would be read; nil when there is none so named.
  public func type(of name: String) -> TensorType? {
    header.entries[name].map { TensorType($0.shape, $0.type.dtype) }
  }

  /// The element type in the file, before widening; nil when there is no tensor so named.
  public func storedType(of name: String) -> SafetensorsType? {
    header.entries[name]?.type
  }

  /// Reads one tensor. `F16` and `BF16` widen to `f32`, small integers to `i32`, `U32` to `i64`;
  /// any non-zero byte of a `BOOL` is true.
  ///
  /// - Throws: ``FileError`` when the file has no tensor of this name.
  public func tensor(named name: String) throws(FileError) -> Tensor {
    guard let entry = header.entries[name] else {
      let known = names.prefix(4).map(\.quotedForMessage).joined(separator: ", ")
      throw FileError(
        path: path, problem: "there is no tensor named \(name.quotedForMessage)",
        remedy: names.isEmpty
          ? "give a file that has tensors"
          : "use one of its \(names.count) names: \(known)\(names.count > 4 ? ", …" : "")")
    }
    return withData(of: entry) { Tensor(entry.shape, storage(entry.type, $0)) }
  }

  /// Reads every tensor.
  public func tensors() throws(FileError) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for name in names { tensors[name] = try tensor(named: name) }
    return tensors
  }

  private func withData<R>(of entry: SafetensorsEntry, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let start = header.dataStart + entry.offsets.lowerBound
    let range = start..<start + entry.offsets.count
    switch content {
    case .mapped(let file):
      return withExtendedLifetime(file) {
        body(UnsafeRawBufferPointer(rebasing: file.bytes[range]))
      }
    case .bytes(let bytes):
      return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
  }
}

#if _endian(big)
  #error("safetensors data is little-endian and is copied as it is")
#endif

/// The elements in `data`, whose size has been checked.
private func storage(_ type: SafetensorsType, _ data: UnsafeRawBufferPointer) -> Tensor.Storage {
  switch type {
  case .f64: .f64(copy(data))
  case .f32: .f32(copy(data))
  case .f16: .f32(widen(data) { float(fromHalf: $0) })
  case .bf16: .f32(widen(data) { float(fromBrainFloat: $0) })
  case .i64: .i64(copy(data))
  case .i32: .i32(copy(data))
  case .i16: .i32(widen(data) { (element: Int16) in Int32(element) })
  case .i8: .i32(widen(data) { (element: Int8) in Int32(element) })
  case .u32: .i64(widen(data) { (element: UInt32) in Int64(element) })
  case .u16: .i32(widen(data) { (element: UInt16) in Int32(element) })
  case .u8: .i32(widen(data) { (element: UInt8) in Int32(element) })
  case .bool: .bool(widen(data) { (element: UInt8) in element != 0 })
  }
}

private func copy<Element: BitwiseCopyable>(_ data: UnsafeRawBufferPointer) -> [Element] {
  let count = data.count / MemoryLayout<Element>.size
  return [Element](unsafeUninitializedCapacity: count) { buffer, initializedCount in
    UnsafeMutableRawBufferPointer(buffer).copyMemory(from: data)
    initializedCount = count
  }
}

private func widen<Stored: BitwiseCopyable, Element: BitwiseCopyable>(
  _ data: UnsafeRawBufferPointer, _ transform: (Stored) -> Element
) -> [Element] {
  let stride = MemoryLayout<Stored>.size
  let count = data.count / stride
  return [Element](unsafeUninitializedCapacity: count) { buffer, initializedCount in
    for index in 0..<count {
      // The format does not align tensors.
      let element = data.loadUnaligned(fromByteOffset: index * stride, as: Stored.self)
      buffer.initializeElement(at: index, to: transform(element))
    }
    initializedCount = count
  }
}
