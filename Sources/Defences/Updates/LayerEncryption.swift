import Clients
import ModelIO

/// NVFlare's `HEModelEncryptor(encrypt_layers=...)` as its federation sees it: the layers that are encrypted cannot be
/// read, all others can.
///
/// NVFlare multiplies all numbers by the number of steps first, which is sent with them and is undone here.
struct LayerEncryption: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "encrypt-layers",
    parameters: [.text("names")],
    summary:
      "encrypts the layers or parameters NAMES, such as encrypt-layers:conv1,fc.bias, and sends the rest in the "
      + "clear",
    source: "NVFlare 2.9 HEModelEncryptor(encrypt_layers)",
    answer: DefenceDescriptor.Answer("matches only the tensors that were sent in the clear"),
    needs: DefenceNeeds(parameterNames: true), privacy: .deterministic,
    read: { text throws(DefenceError) in try LayerEncryption(text) })

  let names: [String]
  var parameterText: String { names.joined(separator: ",") }

  /// - Throws: ``DefenceError`` for what are no names.
  init(_ text: String) throws(DefenceError) {
    names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard names.allSatisfy({ !$0.isEmpty && $0.allSatisfy { !$0.isWhitespace } }) else {
      throw DefenceError(
        "\(Self.descriptor.name) takes names with commas between them, and \(text.quotedForMessage) was given; "
          + "write them as in encrypt-layers:conv1,fc.bias")
    }
  }

  func conflict(with other: any Defence) -> String? { namesConflict(with: other) }

  func check(parameterNames all: [String]) throws(AttackError) {
    for name in names where !all.contains(where: { $0.isParameter(of: name) }) {
      throw AttackError(
        "the model has no parameter and no layer \(name.quotedForMessage) to encrypt; it has "
          + all.prefix(12).joined(separator: ", ") + (all.count > 12 ? ", …" : ""), .badInput)
    }
    try checkPart(of: all, isTaken: isEncrypted, none: "no layer is named", verb: "encrypts")
  }

  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    for (part, name) in zip(update.parts, round.names) where isEncrypted(name) {
      let ciphertexts = (part.sentCount + Self.slots - 1) / Self.slots
      update.wire.addBytes(ciphertexts * Self.ciphertextBytes)
    }
    update.withhold(round.names, where: isEncrypted)
  }

  /// Numbers of a ciphertext of CKKS with NVFlare's parameters, and its bytes (docs/design/0015-encryption.md).
  private static let (slots, ciphertextBytes) = (4096, 204_800)

  private func isEncrypted(_ parameter: String) -> Bool {
    names.contains { parameter.isParameter(of: $0) }
  }
}
