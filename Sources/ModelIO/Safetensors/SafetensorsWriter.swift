import TensorGraph

/// Writing safetensors files.
public enum Safetensors {
  /// Writes `tensors` to `path`, replacing a file that is there when the new one is complete.
  ///
  /// The same tensors always give the same bytes: data and header are ordered by element size,
  /// widest first, then by name. This order also aligns every tensor to its element size, without
  /// which PyTorch cannot map the file. The header is padded with spaces to a multiple of 8.
  ///
  /// - Parameter isPrivate: whether only the user may read it: private data can be read back from gradients.
  /// - Throws: ``FileError`` when the path cannot be written, a tensor is named `__metadata__`,
  ///   or the header would exceed the format's 100 MB.
  public static func write(
    _ tensors: [String: Tensor], metadata: [String: String] = [:], to path: String,
    isPrivate: Bool = false
  ) throws(FileError) {
    let ordered = ordered(tensors)
    let head = try head(of: ordered, metadata: metadata, path: path)
    try AtomicFile.write(to: path, isPrivate: isPrivate) { (sink: FileSink) throws(FileError) in
      try sink.append(head)
      for (_, tensor) in ordered {
        let result = tensor.withUnsafeBytes { bytes in
          Result { () throws(FileError) in try sink.append(bytes) }
        }
        try result.get()
      }
    }
  }

  /// The bytes that ``write(_:metadata:to:isPrivate:)`` would write.
  ///
  /// - Throws: ``FileError`` as that.
  package static func bytes(
    _ tensors: [String: Tensor], metadata: [String: String] = [:]
  ) throws(FileError) -> [UInt8] {
    let ordered = ordered(tensors)
    var bytes = try head(of: ordered, metadata: metadata, path: "memory")
    bytes.reserveCapacity(bytes.count + ordered.reduce(0) { $0 + $1.value.type.byteCount })
    for (_, tensor) in ordered { tensor.withUnsafeBytes { bytes.append(contentsOf: $0) } }
    return bytes
  }

  private static func ordered(_ tensors: [String: Tensor]) -> [(key: String, value: Tensor)] {
    tensors.sorted {
      let (first, second) = ($0.value.dtype.byteCount, $1.value.dtype.byteCount)
      return first != second
        ? first > second : $0.key.utf8.lexicographicallyPrecedes($1.key.utf8)
    }
  }

  /// What stands before the tensors' bytes: the header's length and the header.
  private static func head(
    of ordered: [(key: String, value: Tensor)], metadata: [String: String], path: String
  ) throws(FileError) -> [UInt8] {
    let header = try header(of: ordered, metadata: metadata, path: path)
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
  }

  private static func header(
    of ordered: [(key: String, value: Tensor)], metadata: [String: String], path: String
  ) throws(FileError) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      let fields = pairs.map { "\(quotedJSON($0.key)):\(quotedJSON($0.value))" }
      members.append("\"__metadata__\":{\(fields.joined(separator: ","))}")
    }
    var start = 0
    for (name, tensor) in ordered {
      guard name != "__metadata__" else {
        throw FileError(
          path: path, problem: "a tensor cannot be named __metadata__ in a safetensors file",
          remedy: "give the tensor another name")
      }
      let end = start + tensor.type.byteCount
      let type = StoredType(writing: tensor.dtype).rawValue
      let shape = tensor.shape.dimensions.map(String.init).joined(separator: ",")
      members.append(
        "\(quotedJSON(name)):{\"dtype\":\"\(type)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(start),\(end)]}")
      start = end
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header.append(
      contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    guard header.count <= SafetensorsHeader.maximumByteCount else {
      throw FileError(
        path: path,
        problem: "the header would have \(header.count) bytes, more than the format's "
          + "\(SafetensorsHeader.maximumByteCount)",
        remedy: "write fewer tensors or less metadata to one file")
    }
    return header
  }

  /// `text` as a JSON string.
  private static func quotedJSON(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
