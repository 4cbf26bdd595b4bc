import Crypto

/// Real numbers in ciphertexts, as a client sends them and a server adds them.
package struct EncryptedVector: Hashable, Sendable {
  /// One ciphertext, of as many numbers as its scheme puts into one.
  package enum Ciphertext: Hashable, Sendable {
    case paillier(PaillierCiphertext)
    case ckks(CKKSCiphertext)
  }

  package let scheme: EncryptionScheme
  /// Of the key that it is encrypted under.
  package let keyName: KeyName
  /// How many numbers it holds.
  package let count: Int
  /// How many vectors were added, each as often as it was multiplied.
  package let weight: Int
  package let ciphertexts: [Ciphertext]

  init(
    under keys: some AdditiveEncryption, count: Int, weight: Int, _ ciphertexts: [Ciphertext]
  ) {
    scheme = keys.scheme
    keyName = keys.keyName
    self.count = count
    self.weight = weight
    self.ciphertexts = ciphertexts
  }

  /// What is sent: `GLEV`, a version, the scheme's place among all, the key's name, count and weight (64 bits each, little
  /// endian), ciphertexts.
  package var bytes: [UInt8] {
    var bytes = Array(EncryptedVector.mark)
    bytes.append(EncryptedVector.schemeByte(scheme))
    bytes += keyName.bytes
    for number in [count, weight] {
      withUnsafeBytes(of: UInt64(number).littleEndian) { bytes.append(contentsOf: $0) }
    }
    for ciphertext in ciphertexts {
      switch ciphertext {
      case .paillier(let ciphertext): bytes += ciphertext.bytes
      case .ckks(let ciphertext): ciphertext.append(to: &bytes)
      }
    }
    return bytes
  }

  /// How long ``bytes`` is.
  package static func byteCount(_ scheme: EncryptionScheme, count: Int) -> Int {
    headerByteCount + scheme.ciphertexts(count) * ciphertextByteCount(scheme)
  }

  static func ciphertextByteCount(_ scheme: EncryptionScheme) -> Int {
    switch scheme {
    case .paillier, .paillier2048: scheme.modulusBits / 4
    case .ckks: CKKSCiphertext.byteCount
    }
  }

  /// A vector that another party sent.
  /// - Parameters:
  ///   - bytes: ``bytes``.
  ///   - count: how many numbers are expected.
  ///   - keys: those that it must be encrypted under; without the secret one is enough.
  /// - Throws: where it is another vector, cut short, or holds what is no ciphertext.
  package init(
    bytes: [UInt8], count: Int, keys: any AdditiveEncryption
  ) throws(FederationError) {
    guard bytes.count == EncryptedVector.byteCount(keys.scheme, count: count) else {
      throw FederationError(
        "an encrypted vector of \(count) values has \(EncryptedVector.byteCount(keys.scheme, count: count)) bytes with \(keys.scheme.rawValue), not \(bytes.count); leave its sender out",
        .refused)
    }
    let names = EncryptedVector.mark.count + 1
    let numbers = bytes[(names + KeyName.byteCount)..<EncryptedVector.headerByteCount]
    let (stated, weight) = (
      EncryptedVector.number(numbers.prefix(8)), EncryptedVector.number(numbers.suffix(8))
    )
    guard bytes.starts(with: EncryptedVector.mark),
      bytes[names - 1] == EncryptedVector.schemeByte(keys.scheme),
      bytes[names..<names + KeyName.byteCount].elementsEqual(keys.keyName.bytes)
    else {
      throw FederationError(
        "the bytes are no vector encrypted with \(keys.scheme.rawValue) under key \(keys.keyName); give all clients the same key",
        .refused)
    }
    guard stated == UInt64(count), 1...UInt64(keys.scheme.maximumWeight) ~= weight else {
      throw FederationError(
        "an encrypted vector states \(stated) values and weight \(weight), where \(count) values and a weight of 1 to \(keys.scheme.maximumWeight) are right; leave its sender out",
        .refused)
    }
    let size = EncryptedVector.ciphertextByteCount(keys.scheme)
    scheme = keys.scheme
    keyName = keys.keyName
    self.count = count
    self.weight = Int(weight)
    ciphertexts = try parallelMap(scheme.ciphertexts(count)) {
      (index) throws(FederationError) in
      let start = EncryptedVector.headerByteCount + index * size
      return try keys.ciphertext(bytes: bytes[start..<start + size])
    }
  }

  private static let mark = [UInt8]("GLEV".utf8) + [1]
  private static var headerByteCount: Int { mark.count + 1 + KeyName.byteCount + 16 }

  private static func schemeByte(_ scheme: EncryptionScheme) -> UInt8 {
    switch scheme {
    case .paillier: 0
    case .paillier2048: 1
    case .ckks: 2
    }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// A public key's name: the beginning of its SHA-256.
package struct KeyName: Hashable, Sendable, CustomStringConvertible {
  static let byteCount = 8
  let bytes: [UInt8]

  /// - Parameter publicKey: its bytes.
  init(of publicKey: [UInt8]) {
    bytes = Array(SHA256.hash(data: publicKey).prefix(KeyName.byteCount))
  }

  package var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
