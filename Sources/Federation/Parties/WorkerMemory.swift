import Crypto
import TensorGraph

/// What a worker keeps when its connection ends and it comes back: where shares are encrypted, the keys and the weights, which
/// the server has none of. Belongs to one worker of one federation; empty and unused without encryption.
package final class WorkerMemory {
  /// That others seal keys for it with.
  let agreementKey = Curve25519.KeyAgreement.PrivateKey()
  /// All workers' pair.
  var keys: (any AdditiveEncryption)?
  /// One f32 tensor for each parameter.
  var weights: [Tensor]?
  /// Sums that are in the weights.
  var sumCount = 0

  package init() {}

  var introduction: Introduction {
    Introduction(
      agreementKey: publicKey, keyName: keys?.keyName.bytes,
      sumCount: weights == nil ? nil : sumCount)
  }

  var publicKey: [UInt8] { [UInt8](agreementKey.publicKey.rawRepresentation) }
}
