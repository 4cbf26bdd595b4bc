import Crypto

/// What a message of a federation that encrypts is, beside the updates.
enum EncryptedStep: Int, Sendable {
  /// The server asks a worker that is new, or has come back, what it has.
  case ask
  /// Its answer; ``Introduction``.
  case introduction
  /// The server asks one worker for the keys, for others: their ``KeyRequest``s.
  case keyRequest
  /// Its answer; ``SealedKeys``.
  case sealedKeys
  /// The keys for a worker that lacks them; ``KeyDelivery``.
  case keys
  /// The weights that training begins with, which alone the server knows.
  case weights
  /// The sum of a round's shares; ``EncryptedShare``. The frame's attempt counts the sums before it.
  case sum
}

/// What a worker has when it comes, or comes back.
struct Introduction: Hashable, Sendable {
  /// Of X25519, 32 bytes.
  var agreementKey: [UInt8]
  /// The name of the keys that it holds; nil for none.
  var keyName: [UInt8]?
  /// How many sums are in its weights; nil where it has none.
  var sumCount: Int?

  var bytes: [UInt8] {
    var bytes = agreementKey + [keyName == nil ? 0 : 1]
    bytes += keyName ?? [UInt8](repeating: 0, count: KeyName.byteCount)
    bytes.appendNumber(sumCount.map { UInt32($0) } ?? UInt32.max)
    return bytes
  }

  init(agreementKey: [UInt8], keyName: [UInt8]?, sumCount: Int?) {
    (self.agreementKey, self.keyName, self.sumCount) = (agreementKey, keyName, sumCount)
  }

  init(_ bytes: [UInt8]) throws(FederationError) {
    var reader = MessageReader(bytes, "an introduction")
    agreementKey = try reader.bytes(32)
    guard SecureAggregationContext.isUsable(agreementKey) else {
      throw reader.refused("has a public key that agrees with no other")
    }
    let hasKeys = try reader.number(UInt8.self) == 1
    let name = try reader.bytes(KeyName.byteCount)
    keyName = hasKeys ? name : nil
    let count = try reader.number(UInt32.self)
    sumCount = count == Int(UInt32.max) ? nil : count
    try reader.end()
  }
}

/// A worker that lacks keys.
struct KeyRequest: Hashable, Sendable {
  var worker: Int
  /// Of X25519, 32 bytes.
  var agreementKey: [UInt8]

  static func bytes(_ requests: [KeyRequest]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendNumber(UInt16(requests.count))
    for request in requests {
      bytes.appendNumber(UInt16(request.worker))
      bytes += request.agreementKey
    }
    return bytes
  }

  static func list(_ bytes: [UInt8]) throws(FederationError) -> [KeyRequest] {
    var reader = MessageReader(bytes, "a request for keys")
    let count = try reader.number(UInt16.self)
    var requests: [KeyRequest] = []
    for _ in 0..<count {
      requests.append(
        KeyRequest(
          worker: try reader.number(UInt16.self), agreementKey: try reader.bytes(32)))
    }
    try reader.end()
    return requests
  }
}

/// Sealed keys as they are forwarded to one worker.
struct KeyDelivery: Hashable, Sendable {
  /// Who sealed them.
  var maker: KeyRequest
  var box: [UInt8]
  var pair: [UInt8]

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendNumber(UInt16(maker.worker))
    bytes += maker.agreementKey
    bytes.appendNumber(UInt32(box.count))
    return bytes + box + pair
  }

  init(maker: KeyRequest, box: [UInt8], pair: [UInt8]) {
    (self.maker, self.box, self.pair) = (maker, box, pair)
  }

  init(_ bytes: [UInt8]) throws(FederationError) {
    var reader = MessageReader(bytes, "a delivery of keys")
    maker = KeyRequest(
      worker: try reader.number(UInt16.self), agreementKey: try reader.bytes(32))
    box = try reader.bytes(try reader.number(UInt32.self))
    pair = reader.rest()
  }
}
