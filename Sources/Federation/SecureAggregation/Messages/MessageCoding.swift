extension [UInt8] {
  /// Appends a number, little-endian.
  mutating func appendNumber(_ number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }
}

extension [UInt32] {
  /// Calls `body` with the words as they are sent.
  func withLittleEndianBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    #if _endian(little)
      withUnsafeBytes(body)
    #else
      map(\.littleEndian).withUnsafeBytes(body)
    #endif
  }
}

/// Reads a message from a party that is not trusted: what is missing or too long is refused before memory is taken for it.
struct MessageReader {
  private let bytes: [UInt8]
  private var position = 0
  private let name: String

  /// - Parameter name: the message, as in "a list of keys".
  init(_ bytes: [UInt8], _ name: String) {
    self.bytes = bytes
    self.name = name
  }

  func refused(_ why: String) -> FederationError {
    FederationError("\(name) of \(bytes.count) bytes \(why)", .refused)
  }

  mutating func take(_ count: Int) throws(FederationError) -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else {
      throw refused("ends too early: \(count) more were expected after \(position)")
    }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func bytes(_ count: Int) throws(FederationError) -> [UInt8] { Array(try take(count)) }

  mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(FederationError) -> Int {
    let taken = try take(MemoryLayout<Number>.size)
    let number = taken.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(as: Number.self)) }
    guard let number = Int(exactly: number) else { throw refused("has a number out of range") }
    return number
  }

  /// All that is left.
  mutating func rest() -> [UInt8] {
    defer { position = bytes.count }
    return Array(bytes[position...])
  }

  /// Words, once it is known that all are there.
  mutating func words(_ count: Int) throws(FederationError) -> [UInt32] {
    let taken = try take(4 * count)
    return taken.withUnsafeBytes { taken in
      [UInt32](unsafeUninitializedCapacity: count) { words, filled in
        for index in 0..<count {
          words.initializeElement(
            at: index,
            to: UInt32(
              littleEndian: taken.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
        }
        filled = count
      }
    }
  }

  mutating func client(_ settings: SecureAggregationSettings) throws(FederationError) -> Int {
    let client = try number(UInt16.self)
    guard (1...settings.clientCount).contains(client) else {
      throw refused("names client \(client) where there are \(settings.clientCount)")
    }
    return client
  }

  /// A list with one entry for a client, whose numbers rise: none occurs twice, and a list has one form.
  ///
  /// - Parameter size: bytes of an entry at least, besides its client.
  mutating func list<Entry>(
    _ settings: SecureAggregationSettings, size: Int,
    _ entry: (inout MessageReader, _ client: Int) throws(FederationError) -> Entry
  ) throws(FederationError) -> [Entry] {
    let count = try number(UInt16.self)
    guard count <= settings.clientCount, count * (2 + size) <= bytes.count - position else {
      throw refused("tells of \(count) clients where there are \(settings.clientCount)")
    }
    var last = 0
    return try (0..<count).map { (_) throws(FederationError) in
      let client = try self.client(settings)
      guard client > last else { throw refused("names client \(client) after client \(last)") }
      last = client
      return try entry(&self, client)
    }
  }

  func end() throws(FederationError) {
    guard position == bytes.count else {
      throw refused("has \(bytes.count - position) bytes after its end")
    }
  }
}
