import TensorGraph

/// What a worker shares where shares are encrypted, or the sum of such: what travels in the clear, and ciphertexts.
struct EncryptedShare: Sendable {
  /// Examples behind it.
  let examples: Int
  /// What travels in the clear, in a sum the mean; one f32 tensor for each such parameter.
  let clear: [Tensor]
  /// The elements of the other parameters, one after another.
  let encrypted: EncryptedVector

  init(examples: Int, clear: [Tensor], encrypted: EncryptedVector) {
    self.examples = examples
    self.clear = clear
    self.encrypted = encrypted
  }

  /// As a message's body, little-endian: examples (32 bits), length of what is in the clear (32 bits), that as a safetensors
  /// file, and ``EncryptedVector/bytes``.
  func bytes(_ layers: EncryptedLayers) throws(FederationError) -> [UInt8] {
    let file = clear.isEmpty ? [] : try TensorBody(layers.clear.named(clear)).bytes
    var bytes: [UInt8] = []
    bytes.appendNumber(UInt32(examples))
    bytes.appendNumber(UInt32(file.count))
    return bytes + file + encrypted.bytes
  }

  /// - Parameters:
  ///   - bytes: of ``bytes(_:)``.
  ///   - keys: those that it must be encrypted under; without the secret one is enough.
  /// - Throws: ``FederationError`` of kind `refused` for what is no such share of the model.
  init(
    _ bytes: [UInt8], _ layers: EncryptedLayers, _ keys: any AdditiveEncryption
  ) throws(FederationError) {
    var reader = MessageReader(bytes, "an encrypted share")
    examples = try reader.number(UInt32.self)
    guard examples > 0 else { throw reader.refused("is of no examples") }
    let file = try reader.bytes(try reader.number(UInt32.self))
    clear =
      layers.clear.types.isEmpty && file.isEmpty
      ? [] : try TensorBody(file).tensors(of: layers.clear.types)
    encrypted = try EncryptedVector(bytes: reader.rest(), count: layers.hidden.count, keys: keys)
  }

  /// The mean of the shares that were added.
  ///
  /// - Parameter keys: with the secret one.
  func mean(
    _ layers: EncryptedLayers, _ keys: any AdditiveEncryption
  ) throws(FederationError) -> [Tensor] {
    let hidden = try keys.decryptMean(encrypted).map { Float($0) }
    return layers.joined(hidden: layers.hidden.tensors(hidden), clear: clear)
  }
}
