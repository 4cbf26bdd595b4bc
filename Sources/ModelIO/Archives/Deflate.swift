import CZlib

/// Unpacking of deflated data (RFC 1951), within a bound that is given before.
enum Deflate {
  /// What stands around the data.
  enum Wrapping {
    /// Nothing, as in ZIP archives.
    case raw
    /// RFC 1952.
    case gzip

    fileprivate var number: Int32 {
      switch self {
      case .raw: Int32(GRADLEAK_RAW_DEFLATE)
      case .gzip: Int32(GRADLEAK_GZIP)
      }
    }
  }

  /// The first `room` bytes that data unpack to, and how it ended.
  static func unpacked(
    _ wrapping: Wrapping, _ packed: UnsafeRawBufferPointer, room: Int
  ) -> (bytes: [UInt8], status: Int) {
    var status = Int(GRADLEAK_INFLATE_DAMAGED)
    let bytes = [UInt8](unsafeUninitializedCapacity: room) { buffer, written in
      status = Int(
        gradleak_inflate(
          wrapping.number, packed.baseAddress?.assumingMemoryBound(to: UInt8.self), packed.count,
          buffer.baseAddress, room, &written))
    }
    return (bytes, status)
  }
}
