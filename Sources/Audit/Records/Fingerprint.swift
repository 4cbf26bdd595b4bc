import Solvers
import TensorGraph

/// A 64-bit FNV-1a hash of named tensors: tells whether two runs saw the same weights or update. It
/// is no protection against someone who forges a collision.
package enum Fingerprint {
  /// The fingerprint of tensors in the given order, as "fnv1a64:" and 16 hexadecimal digits.
  package static func of(_ tensors: [(name: String, tensor: Tensor)]) -> String {
    var fingerprint = FNV1a()
    for (name, tensor) in tensors {
      fingerprint.add(name.utf8)
      fingerprint.add(tensor.type.description.utf8)
      tensor.withUnsafeBytes { fingerprint.add($0) }
    }
    let digits = String(fingerprint.hash, radix: 16)
    return "fnv1a64:" + String(repeating: "0", count: 16 - digits.count) + digits
  }
}
