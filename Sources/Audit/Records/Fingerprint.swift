import TensorGraph

/// A 64-bit FNV-1a hash of named tensors: tells whether two runs saw the same weights or update. It
/// is no protection against someone who forges a collision.
public struct Fingerprint {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  public init() {}

  /// The fingerprint of tensors in the given order, as "fnv1a64:" and 16 hexadecimal digits.
  public static func of(_ tensors: [(name: String, tensor: Tensor)]) -> String {
    var fingerprint = Fingerprint()
    for (name, tensor) in tensors {
      fingerprint.add(name.utf8)
      fingerprint.add(tensor.type.description.utf8)
      tensor.withUnsafeBytes { fingerprint.add($0) }
    }
    let digits = String(fingerprint.state, radix: 16)
    return "fnv1a64:" + String(repeating: "0", count: 16 - digits.count) + digits
  }

  private mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
  }
}
