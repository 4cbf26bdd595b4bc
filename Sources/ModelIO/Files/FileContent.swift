/// The bytes of a file: mapped, or in memory already.
enum FileContent: Sendable {
  case mapped(MappedFile)
  case bytes([UInt8])

  var count: Int {
    switch self {
    case .mapped(let file): file.bytes.count
    case .bytes(let bytes): bytes.count
    }
  }

  /// Calls `body` with all bytes, which are valid during the call only.
  func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch self {
    case .mapped(let file):
      defer { withExtendedLifetime(file) {} }
      return try body(file.bytes)
    case .bytes(let bytes):
      return try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) -> Result in
        try body(UnsafeRawBufferPointer(buffer))
      }
    }
  }

  /// The same with those of a range, which must lie in the file.
  func withBytes<Result, Failure: Error>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withBytes { (bytes) throws(Failure) -> Result in
      try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }
  }
}

/// Reads numbers one after another out of bytes that may end anywhere.
struct ByteCursor {
  let bytes: UnsafeRawBufferPointer
  /// Of the next byte; at most the number of bytes.
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
    self.bytes = bytes
    self.position = min(max(position, 0), bytes.count)
  }

  /// A little-endian number; nil when the bytes end before it does, of which none is taken then.
  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
    let size = MemoryLayout<Number>.size
    guard bytes.count - position >= size else { return nil }
    defer { position += size }
    return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: type))
  }

  /// The range of the next `count` bytes, which are passed over; nil when there are fewer.
  mutating func take(_ count: Int) -> Range<Int>? {
    guard count >= 0, count <= bytes.count - position else { return nil }
    defer { position += count }
    return position..<position + count
  }

  /// The range of a line, without its end, which is passed over; nil when there is none within `limit` bytes.
  mutating func line(limit: Int) -> Range<Int>? {
    let rest = bytes[position..<min(bytes.count, position + limit)]
    guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { position = end + 1 }
    return position..<end
  }
}
