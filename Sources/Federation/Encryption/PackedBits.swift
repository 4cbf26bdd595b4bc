/// Numbers of few bits one after another, the lowest bit first: 8192 residues of 40 bits take 40,960 bytes.
enum PackedBits {
  /// How many bytes `count` numbers of `bits` bits take.
  static func byteCount(_ count: Int, bits: Int) -> Int { (count * bits + 7) / 8 }

  /// - Parameter bits: 1 to 63; each number is below 2^`bits`.
  static func append(_ numbers: some Sequence<UInt64>, bits: Int, to bytes: inout [UInt8]) {
    var held: UInt64 = 0
    var filled = 0
    for number in numbers {
      held |= number << UInt64(filled)
      filled += bits
      guard filled >= 64 else { continue }
      withUnsafeBytes(of: held.littleEndian) { bytes.append(contentsOf: $0) }
      filled -= 64
      held = filled == 0 ? 0 : number >> UInt64(bits - filled)
    }
    withUnsafeBytes(of: held.littleEndian) { bytes.append(contentsOf: $0.prefix((filled + 7) / 8)) }
  }

  /// - Parameter bytes: ``byteCount(_:bits:)`` of them.
  static func read(_ count: Int, bits: Int, from bytes: UnsafeRawBufferPointer) -> [UInt64] {
    let mask = (1 << UInt64(bits)) - 1 as UInt64
    var held: UInt64 = 0
    var filled = 0
    var next = 0
    return (0..<count).map { _ in
      var number = held
      if filled < bits {
        let word = word(at: next, of: bytes)
        next += 8
        number |= word << UInt64(filled)
        held = word >> UInt64(bits - filled)
        filled += 64
      } else {
        held >>= UInt64(bits)
      }
      filled -= bits
      return number & mask
    }
  }

  private static func word(at offset: Int, of bytes: UnsafeRawBufferPointer) -> UInt64 {
    if offset + 8 <= bytes.count {
      return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    return (offset..<bytes.count).reduce(0) { $0 | UInt64(bytes[$1]) << UInt64(8 * ($1 - offset)) }
  }
}
