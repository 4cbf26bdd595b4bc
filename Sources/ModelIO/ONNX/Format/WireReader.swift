/// Why bytes are no message.
enum WireError: String, Error {
  case truncated = "a field ends behind the end"
  case wrongTag = "a field has no number or another kind than it should"
  case longNumber = "a number has more than ten bytes"
  case noText = "a text is not UTF-8"
  case tooDeep = "messages are nested deeper than 64"
  /// More fields with a length than allowed.
  case tooMany = "it has too many parts"
}

/// A message of protocol buffers: how its fields are read.
protocol WireMessage {
  init()
  /// Takes a field; those it does not know it leaves alone.
  mutating func take(
    _ field: Int, _ value: WireReader.Value, _ reader: inout WireReader
  ) throws(WireError)
}

/// Reads the wire format of protocol buffers (<https://protobuf.dev/programming-guides/encoding/>) from bytes that
/// nobody has checked.
struct WireReader {
  /// A field's value before its type is known.
  enum Value {
    case number(UInt64)
    case word(UInt32)
    case longWord(UInt64)
    /// A text, bytes, a message or packed numbers.
    case bytes(Range<Int>)
  }

  private static let depthLimit = 64

  private let bytes: [UInt8]
  private var position = 0
  private var end: Int
  private var depth = 0
  /// Fields with a length that may still come: an empty one takes two bytes in a file and some hundred in memory.
  private var remaining: Int

  /// Reads a whole message.
  ///
  /// - Parameter limit: texts, messages and other fields with a length at most.
  static func message<Message: WireMessage>(
    _ bytes: [UInt8], limit: Int
  ) throws(WireError) -> Message {
    var reader = WireReader(bytes: bytes, end: bytes.count, remaining: limit)
    var message = Message()
    try reader.readFields(of: &message)
    return message
  }

  private init(bytes: [UInt8], end: Int, remaining: Int) {
    (self.bytes, self.end, self.remaining) = (bytes, end, remaining)
  }

  private mutating func readFields(of message: inout some WireMessage) throws(WireError) {
    while position < end {
      let tag = try number()
      guard let field = Int(exactly: tag >> 3), (1..<1 << 29).contains(field) else {
        throw .wrongTag
      }
      let value: Value
      switch tag & 7 {
      case 0: value = .number(try number())
      case 1: value = .longWord(try littleEndian(UInt64.self))
      case 2: value = .bytes(try range())
      case 5: value = .word(try littleEndian(UInt32.self))
      default: throw .wrongTag
      }
      try message.take(field, value, &self)
    }
  }

  // MARK: - Bytes

  private mutating func number() throws(WireError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), through: 63, by: 7) {
      guard position < end else { throw .truncated }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw .longNumber
  }

  private mutating func littleEndian<Word: FixedWidthInteger>(
    _ type: Word.Type
  ) throws(WireError) -> Word {
    let size = MemoryLayout<Word>.size
    guard end - position >= size else { throw .truncated }
    defer { position += size }
    return bytes.withUnsafeBytes {
      Word(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Word.self))
    }
  }

  private mutating func range() throws(WireError) -> Range<Int> {
    let length = try number()
    guard length <= UInt64(end - position) else { throw .truncated }
    remaining -= 1
    guard remaining >= 0 else { throw .tooMany }
    defer { position += Int(length) }
    return position..<position + Int(length)
  }

  /// Runs `body` on a part of the bytes.
  private mutating func within(
    _ range: Range<Int>, _ body: (inout WireReader) throws(WireError) -> Void
  ) throws(WireError) {
    let outer = (position, end)
    (position, end) = (range.lowerBound, range.upperBound)
    try body(&self)
    (position, end) = outer
  }

  // MARK: - Values

  func integer(_ value: Value) throws(WireError) -> Int64 {
    guard case .number(let bits) = value else { throw .wrongTag }
    return Int64(bitPattern: bits)
  }

  func float(_ value: Value) throws(WireError) -> Float {
    guard case .word(let bits) = value else { throw .wrongTag }
    return Float(bitPattern: bits)
  }

  func bytes(_ value: Value) throws(WireError) -> [UInt8] {
    guard case .bytes(let range) = value else { throw .wrongTag }
    return Array(bytes[range])
  }

  func text(_ value: Value) throws(WireError) -> String {
    guard case .bytes(let range) = value else { throw .wrongTag }
    guard let text = String(validating: bytes[range], as: UTF8.self) else { throw .noText }
    return text
  }

  /// Reads a message, on top of what was read of it before.
  mutating func merge(
    _ value: Value, into message: inout some WireMessage
  ) throws(WireError) {
    guard case .bytes(let range) = value else { throw .wrongTag }
    guard depth < WireReader.depthLimit else { throw .tooDeep }
    depth += 1
    try within(range) { reader throws(WireError) in try reader.readFields(of: &message) }
    depth -= 1
  }

  mutating func append<Message: WireMessage>(
    _ value: Value, to list: inout [Message]
  ) throws(WireError) {
    var message = Message()
    try merge(value, into: &message)
    list.append(message)
  }

  /// Appends an integer, or packed ones.
  mutating func append<Integer: FixedWidthInteger>(
    integers value: Value, to list: inout [Integer]
  ) throws(WireError) {
    guard case .bytes(let range) = value else {
      return list.append(Integer(truncatingIfNeeded: try integer(value)))
    }
    try within(range) { reader throws(WireError) in
      while reader.position < reader.end {
        list.append(Integer(truncatingIfNeeded: try reader.number()))
      }
    }
  }

  /// Appends a float, or packed ones.
  mutating func append(floats value: Value, to list: inout [Float]) throws(WireError) {
    guard case .bytes(let range) = value else { return list.append(try float(value)) }
    list.reserveCapacity(list.count + range.count / 4)
    try within(range) { reader throws(WireError) in
      while reader.position < reader.end {
        list.append(Float(bitPattern: try reader.littleEndian(UInt32.self)))
      }
    }
  }

  /// Appends a double, or packed ones.
  mutating func append(doubles value: Value, to list: inout [Double]) throws(WireError) {
    switch value {
    case .longWord(let bits): list.append(Double(bitPattern: bits))
    case .bytes(let range):
      list.reserveCapacity(list.count + range.count / 8)
      try within(range) { reader throws(WireError) in
        while reader.position < reader.end {
          list.append(Double(bitPattern: try reader.littleEndian(UInt64.self)))
        }
      }
    case .number, .word: throw .wrongTag
    }
  }
}
