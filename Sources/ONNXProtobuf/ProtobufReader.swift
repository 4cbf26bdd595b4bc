/// Why bytes are no message of protobuf.
package enum ProtobufError: Error {
  /// They end within a field.
  case truncated
  /// A number, tag or group is none that protobuf has.
  case malformedProtobuf
  case invalidUTF8
  /// Messages within messages deeper than ``ProtobufReader/depthLimit``.
  case messageDepthLimit
}

/// A message that is read field by field.
package protocol ProtobufMessage: Sendable {
  /// The message of no bytes.
  init()

  /// Takes a field by one of the reader's `read` methods, or leaves it, and it is skipped.
  mutating func take(_ field: Int, from reader: inout ProtobufReader) throws(ProtobufError)
}

extension ProtobufMessage {
  /// Decodes a message. Fields that it does not know are skipped.
  package init(serializedBytes bytes: [UInt8]) throws(ProtobufError) {
    self.init()
    do {
      try bytes.withUnsafeBytes { buffer in
        var reader = ProtobufReader(buffer, depth: 0)
        try merge(from: &reader)
      }
    } catch let error as ProtobufError {
      throw error
    } catch {
      throw .malformedProtobuf
    }
  }

  /// What a message holds that stands in several parts is joined.
  fileprivate mutating func merge(from reader: inout ProtobufReader) throws(ProtobufError) {
    while let field = try reader.next() { try take(field, from: &reader) }
  }
}

/// A walk over the fields of one message in protobuf's wire format
/// (<https://protobuf.dev/programming-guides/encoding>).
///
/// A field whose wire type is not that of the value asked for is left, and skipped like an unknown one; lists of
/// numbers are taken packed and unpacked.
package struct ProtobufReader {
  /// Messages within messages at most.
  package static let depthLimit = 64

  private enum WireType: UInt8 {
    case varint, fixed64, bytes, groupStart, groupEnd, fixed32
  }

  /// What is left.
  private var bytes: UnsafeRawBufferPointer
  private let depth: Int
  private var field = 0
  private var wireType = WireType.varint
  /// Whether the latest field's value is still ahead.
  private var isPending = false

  fileprivate init(_ bytes: UnsafeRawBufferPointer, depth: Int) {
    self.bytes = bytes
    self.depth = depth
  }

  /// The number of the next field; nil at the end.
  fileprivate mutating func next() throws(ProtobufError) -> Int? {
    if isPending { try skip(depth: depth) }
    guard !bytes.isEmpty else { return nil }
    try readTag()
    guard wireType != .groupEnd else { throw .malformedProtobuf }
    isPending = true
    return field
  }

  private mutating func readTag() throws(ProtobufError) {
    let tag = try varint()
    guard tag < UInt64(UInt32.max), tag >> 3 > 0, let type = WireType(rawValue: UInt8(tag & 7))
    else { throw .malformedProtobuf }
    (field, wireType) = (Int(tag >> 3), type)
  }

  private mutating func skip(depth: Int) throws(ProtobufError) {
    isPending = false
    switch wireType {
    case .varint: _ = try varint()
    case .fixed64: _ = try take(8)
    case .fixed32: _ = try take(4)
    case .bytes: _ = try lengthDelimited()
    case .groupEnd: throw .malformedProtobuf
    case .groupStart:
      guard depth < ProtobufReader.depthLimit else { throw .messageDepthLimit }
      let group = field
      while true {
        try readTag()
        if wireType == .groupEnd { break }
        try skip(depth: depth + 1)
      }
      guard field == group else { throw .malformedProtobuf }
    }
  }

  // MARK: - Values on the wire

  private mutating func take(_ count: Int) throws(ProtobufError) -> UnsafeRawBufferPointer {
    guard count <= bytes.count else { throw .truncated }
    defer { bytes = UnsafeRawBufferPointer(rebasing: bytes[count...]) }
    return UnsafeRawBufferPointer(rebasing: bytes[..<count])
  }

  private mutating func varint() throws(ProtobufError) -> UInt64 {
    var value: UInt64 = 0
    var position = 0
    while true {
      guard position < bytes.count else { throw .truncated }
      guard position < 10 else { throw .malformedProtobuf }
      let byte = bytes[position]
      value |= UInt64(byte & 0x7F) << UInt64(7 * position)
      position += 1
      if byte < 0x80 { break }
    }
    bytes = UnsafeRawBufferPointer(rebasing: bytes[position...])
    return value
  }

  private mutating func lengthDelimited() throws(ProtobufError) -> UnsafeRawBufferPointer {
    guard let length = Int(exactly: try varint()) else { throw .truncated }
    return try take(length)
  }

  /// Whether the latest field is of this type; its value is then the caller's to take.
  private mutating func isOf(_ type: WireType) -> Bool {
    guard wireType == type else { return false }
    isPending = false
    return true
  }

  // MARK: - Fields

  // A single value tells whether it was taken.

  @discardableResult
  package mutating func read(_ value: inout Int64) throws(ProtobufError) -> Bool {
    guard isOf(.varint) else { return false }
    value = Int64(bitPattern: try varint())
    return true
  }

  @discardableResult
  package mutating func read(_ value: inout Int32) throws(ProtobufError) -> Bool {
    guard isOf(.varint) else { return false }
    value = Int32(truncatingIfNeeded: try varint())
    return true
  }

  @discardableResult
  package mutating func read(_ value: inout Float) throws(ProtobufError) -> Bool {
    guard isOf(.fixed32) else { return false }
    value = try take(4).loadUnaligned(as: Float.self)
    return true
  }

  @discardableResult
  package mutating func read(_ value: inout String) throws(ProtobufError) -> Bool {
    guard isOf(.bytes) else { return false }
    value = try string()
    return true
  }

  package mutating func read(_ values: inout [String]) throws(ProtobufError) {
    if isOf(.bytes) { values.append(try string()) }
  }

  private mutating func string() throws(ProtobufError) -> String {
    guard let text = String(validating: try lengthDelimited(), as: UTF8.self) else {
      throw .invalidUTF8
    }
    return text
  }

  @discardableResult
  package mutating func read(_ value: inout [UInt8]) throws(ProtobufError) -> Bool {
    guard isOf(.bytes) else { return false }
    value = Array(try lengthDelimited())
    return true
  }

  /// Joins what comes to what is there.
  @discardableResult
  package mutating func read(_ message: inout some ProtobufMessage) throws(ProtobufError) -> Bool {
    guard isOf(.bytes) else { return false }
    let content = try lengthDelimited()
    guard depth < ProtobufReader.depthLimit else { throw .messageDepthLimit }
    var reader = ProtobufReader(content, depth: depth + 1)
    try message.merge(from: &reader)
    return true
  }

  package mutating func read<Message: ProtobufMessage>(
    _ values: inout [Message]
  ) throws(ProtobufError) {
    var message = Message()
    if try read(&message) { values.append(message) }
  }

  // MARK: - Lists of numbers

  package mutating func read(_ values: inout [Int64]) throws(ProtobufError) {
    try readVarints { values.append(Int64(bitPattern: $0)) }
  }

  package mutating func read(_ values: inout [Int32]) throws(ProtobufError) {
    try readVarints { values.append(Int32(truncatingIfNeeded: $0)) }
  }

  package mutating func read(_ values: inout [UInt64]) throws(ProtobufError) {
    try readVarints { values.append($0) }
  }

  package mutating func read(_ values: inout [Float]) throws(ProtobufError) {
    try readFixed(&values, .fixed32)
  }

  package mutating func read(_ values: inout [Double]) throws(ProtobufError) {
    try readFixed(&values, .fixed64)
  }

  private mutating func readVarints(_ append: (UInt64) -> Void) throws(ProtobufError) {
    if isOf(.varint) {
      append(try varint())
    } else if isOf(.bytes) {
      var packed = ProtobufReader(try lengthDelimited(), depth: depth)
      while !packed.bytes.isEmpty { append(try packed.varint()) }
    }
  }

  private mutating func readFixed<Number: BitwiseCopyable>(
    _ values: inout [Number], _ type: WireType
  ) throws(ProtobufError) {
    let size = MemoryLayout<Number>.size
    if isOf(type) {
      values.append(try take(size).loadUnaligned(as: Number.self))
    } else if isOf(.bytes) {
      let packed = try lengthDelimited()
      guard packed.count % size == 0 else { throw .malformedProtobuf }
      for offset in stride(from: 0, to: packed.count, by: size) {
        values.append(packed.loadUnaligned(fromByteOffset: offset, as: Number.self))
      }
    }
  }
}
