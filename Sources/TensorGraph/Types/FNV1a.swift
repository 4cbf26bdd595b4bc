/// The 64-bit FNV-1a hash (Fowler, Noll and Vo): unlike Swift's own the same in every process. No
/// protection against someone who forges a collision.
package struct FNV1a {
  package private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325

  package init() {}

  package mutating func add(_ bytes: some Sequence<UInt8>) {
    // Over memory: a loop over any sequence asks for each byte by a call.
    let added: Void? = bytes.withContiguousStorageIfAvailable { add(memory: $0) }
    if added == nil { for byte in bytes { add(byte) } }
  }

  private mutating func add(memory: UnsafeBufferPointer<UInt8>) {
    for byte in memory { add(byte) }
  }

  private mutating func add(_ byte: UInt8) {
    hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
  }
}
