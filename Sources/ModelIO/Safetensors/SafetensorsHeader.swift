import TensorGraph

/// Where one tensor lies in a safetensors file.
struct SafetensorsEntry: Hashable, Sendable {
  let name: String
  let type: StoredType
  let shape: Shape
  /// Bytes from the end of the header.
  let offsets: Range<Int>
}

/// The header of a safetensors file, checked against the format's rules and the file's size.
///
/// The rules are those of <https://github.com/huggingface/safetensors#format>. Where it leaves a
/// choice: duplicate keys and unknown fields of a tensor are refused, nothing may precede the
/// opening brace, and only spaces may follow the closing one. Names that Unicode regards as
/// equivalent are duplicates.
struct SafetensorsHeader: Sendable {
  /// Largest header that the format allows, in bytes.
  static let maximumByteCount = 100_000_000
  /// Bytes of the little-endian length in front of the header.
  static let lengthByteCount = 8

  let entries: [String: SafetensorsEntry]
  let metadata: [String: String]
  /// Position in the file of the first byte of tensor data.
  let dataStart: Int

  /// Parses and checks the header of the file whose bytes are `file`.
  init(parsing file: UnsafeRawBufferPointer, path: String) throws(FileError) {
    let header = try SafetensorsHeader.headerBytes(of: file, path: path)
    var parser = HeaderParser(header, path: path)
    let (entries, metadata) = try parser.parse()
    self.entries = entries
    self.metadata = metadata
    dataStart = SafetensorsHeader.lengthByteCount + header.count
    try checkSizes(path: path)
    try checkLayout(dataByteCount: file.count - dataStart, path: path)
  }

  private static func headerBytes(
    of file: UnsafeRawBufferPointer, path: String
  ) throws(FileError) -> UnsafeRawBufferPointer {
    try WantedFile.safetensors.refuseOthers(file, path: path)
    guard file.count >= lengthByteCount else {
      throw malformed(
        path, "\(file.count) bytes are too few for a safetensors file, which has at least 8")
    }
    let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(maximumByteCount) else {
      throw malformed(
        path, "the header claims \(length) bytes, more than the \(maximumByteCount) allowed")
    }
    guard length <= UInt64(file.count - lengthByteCount) else {
      throw malformed(
        path, "the header claims \(length) bytes but only \(file.count - lengthByteCount) follow")
    }
    return UnsafeRawBufferPointer(
      rebasing: file[lengthByteCount..<lengthByteCount + Int(length)])
  }

  private func checkSizes(path: String) throws(FileError) {
    for entry in entries.values {
      // A valid shape's element count times 16 cannot overflow.
      let byteCount = entry.shape.elementCount * entry.type.byteCount
      guard byteCount == entry.offsets.count else {
        throw malformed(
          path,
          "tensor \(entry.name.quotedForMessage) of shape \(entry.shape) and type "
            + "\(entry.type.rawValue) needs \(byteCount) bytes but its offsets span "
            + "\(entry.offsets.count)")
      }
    }
  }

  /// Checks that the tensors cover the data exactly: no hole, no overlap, nothing after the last.
  private func checkLayout(dataByteCount: Int, path: String) throws(FileError) {
    let ordered = entries.values.sorted {
      ($0.offsets.lowerBound, $0.offsets.upperBound)
        < ($1.offsets.lowerBound, $1.offsets.upperBound)
    }
    var end = 0
    for entry in ordered {
      let name = entry.name.quotedForMessage
      guard entry.offsets.upperBound <= dataByteCount else {
        throw malformed(
          path,
          "tensor \(name) ends at byte \(entry.offsets.upperBound) of the data, which has only "
            + "\(dataByteCount)")
      }
      guard entry.offsets.lowerBound >= end else {
        throw malformed(
          path,
          "tensor \(name) starts at byte \(entry.offsets.lowerBound) and overlaps one that ends "
            + "at \(end)")
      }
      guard entry.offsets.lowerBound == end else {
        throw malformed(
          path, "there is a hole of \(entry.offsets.lowerBound - end) bytes before tensor \(name)")
      }
      end = entry.offsets.upperBound
    }
    guard end == dataByteCount else {
      throw malformed(path, "\(dataByteCount - end) bytes follow the last tensor")
    }
  }
}

/// An error for a file that breaks the format's rules.
func malformed(_ path: String, _ problem: String) -> FileError {
  FileError(
    path: path, problem: problem,
    remedy: "download or export the safetensors file again, it is damaged or not of this format")
}
