import Clients
import ModelIO
import TensorGraph

/// The parameters that travel encrypted, and those in the clear, as NVFlare's `encrypt_layers` parts them.
struct EncryptedLayers: Sendable {
  /// One for each parameter of the model.
  let isEncrypted: [Bool]
  /// Those that travel encrypted, in the model's order.
  let hidden: ParameterVector
  /// The others.
  let clear: ParameterVector

  /// The layers that a federation encrypts.
  init(_ settings: FederationSettings, _ vector: ParameterVector) {
    isEncrypted = vector.types.map { parameter in
      settings.encryptOnly.isEmpty
        || settings.encryptOnly.contains { parameter.name.isParameter(of: $0) }
    }
    hidden = ParameterVector(zip(vector.types, isEncrypted).filter(\.1).map(\.0))
    clear = ParameterVector(zip(vector.types, isEncrypted).filter { !$0.1 }.map(\.0))
  }

  /// Tensors of all parameters in two lists.
  func split(_ tensors: [Tensor]) -> (hidden: [Tensor], clear: [Tensor]) {
    let pairs = zip(tensors, isEncrypted)
    return (pairs.filter(\.1).map(\.0), pairs.filter { !$0.1 }.map(\.0))
  }

  /// What ``split(_:)`` parted.
  func joined(hidden: [Tensor], clear: [Tensor]) -> [Tensor] {
    var (hidden, clear) = (hidden[...], clear[...])
    return isEncrypted.compactMap { $0 ? hidden.popFirst() : clear.popFirst() }
  }
}

extension FederationSettings {
  /// - Throws: ``FederationError`` of kind `badInput` when parameters are named that the model has not.
  package func check(_ vector: ParameterVector) throws(FederationError) {
    for name in encryptOnly
    where !vector.types.contains(where: { $0.name.isParameter(of: name) }) {
      throw FederationError(
        "the model has no parameter and no layer \(name.quotedForMessage) to encrypt; it has "
          + vector.types.map(\.name).prefix(12).joined(separator: ", ")
          + (vector.types.count > 12 ? ", …" : ""), .badInput)
    }
  }
}
