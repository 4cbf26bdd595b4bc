/// Keys, and what a party does with them: a client's encrypt, add and decrypt, a server's ``publicPart`` only encrypts and
/// adds.
package protocol AdditiveEncryption: Sendable {
  var scheme: EncryptionScheme { get }

  /// Whether it decrypts.
  var holdsSecretKey: Bool { get }

  /// What may be given to everybody, the server too: it encrypts and adds.
  var publicPart: any AdditiveEncryption { get }

  /// The keys as they are sent: the public key and, where it is held, the secret one.
  var bytes: [UInt8] { get }

  /// Of the public key; vectors under different keys are not added.
  var keyName: KeyName { get }

  /// Encrypts any number of values, the same ones differently each time.
  /// - Parameters:
  ///   - values: finite and below the scheme's bound in magnitude.
  ///   - generator: where a key is drawn for every ciphertext; see ``EncryptionScheme/generateKeys(using:)``.
  /// - Throws: where a value is too large or not a number.
  func encrypt(
    _ values: [Double], using generator: inout some RandomNumberGenerator
  ) throws(FederationError) -> EncryptedVector

  /// The vector of sums. No secret key is needed.
  /// - Throws: where lengths or keys differ, or more was added than results stay right for.
  func sum(_ first: EncryptedVector, _ second: EncryptedVector) throws(FederationError)
    -> EncryptedVector

  /// The vector times a number: a client's weight in the mean. No secret key is needed.
  /// - Parameter factor: above 0.
  /// - Throws: where it is not, or results would no longer be right.
  func product(_ vector: EncryptedVector, by factor: Int) throws(FederationError) -> EncryptedVector

  /// The values, or sums of values, of a vector.
  /// - Throws: where the secret key is not held, or the vector is under another.
  func decrypt(_ vector: EncryptedVector) throws(FederationError) -> [Double]

  /// A ciphertext of the scheme from its bytes.
  func ciphertext(bytes: ArraySlice<UInt8>) throws(FederationError) -> EncryptedVector.Ciphertext
}

extension AdditiveEncryption {
  /// The sum of one vector or more.
  package func sum(_ vectors: [EncryptedVector]) throws(FederationError) -> EncryptedVector {
    guard var total = vectors.first else {
      throw FederationError("there is no encrypted vector to add; wait for the clients'", .tooFew)
    }
    for vector in vectors.dropFirst() { total = try sum(total, vector) }
    return total
  }

  /// The sum in which each vector counts with a weight, as its client's number of examples: divided by ``EncryptedVector/weight``,
  /// the weighted mean. What divides all weights is taken out of them first.
  package func weightedSum(
    _ vectors: [(vector: EncryptedVector, weight: Int)]
  ) throws(FederationError) -> EncryptedVector {
    for (_, weight) in vectors { try checkFactor(weight) }
    let divisor = vectors.reduce(0) { greatestCommonDivisor($0, $1.weight) }
    var weighted: [EncryptedVector] = []
    for (vector, weight) in vectors {
      weighted.append(weight == divisor ? vector : try product(vector, by: weight / divisor))
    }
    return try sum(weighted)
  }

  /// The weighted mean of the vectors that were added.
  package func decryptMean(_ sum: EncryptedVector) throws(FederationError) -> [Double] {
    try decrypt(sum).map { $0 / Double(sum.weight) }
  }

  private func greatestCommonDivisor(_ first: Int, _ second: Int) -> Int {
    second == 0 ? first : greatestCommonDivisor(second, first % second)
  }

  /// What holds before two vectors are added, and the weight of their sum.
  func summedWeight(
    _ first: EncryptedVector, _ second: EncryptedVector
  ) throws(FederationError) -> Int {
    for vector in [first, second] { try check(vector) }
    guard first.count == second.count else {
      throw FederationError(
        "encrypted vectors of \(first.count) and \(second.count) values cannot be added; leave out who sent another model's",
        .refused)
    }
    return try checkedWeight(first.weight.addingReportingOverflow(second.weight))
  }

  /// The weight of a product.
  func multipliedWeight(_ vector: EncryptedVector, by factor: Int) throws(FederationError) -> Int {
    try check(vector)
    try checkFactor(factor)
    return try checkedWeight(vector.weight.multipliedReportingOverflow(by: factor))
  }

  /// That a vector is under this key.
  func check(_ vector: EncryptedVector) throws(FederationError) {
    guard vector.scheme == scheme, vector.keyName == keyName else {
      throw FederationError(
        "the vector is encrypted under key \(vector.keyName) of \(vector.scheme.rawValue), not under \(keyName) of \(scheme.rawValue); give all clients the same key",
        .refused)
    }
  }

  private func checkFactor(_ factor: Int) throws(FederationError) {
    guard factor > 0 else {
      throw FederationError(
        "an encrypted vector cannot be multiplied by \(factor); use a whole number above 0",
        .badInput)
    }
  }

  private func checkedWeight(
    _ weight: (partialValue: Int, overflow: Bool)
  ) throws(FederationError) -> Int {
    guard !weight.overflow, weight.partialValue <= scheme.maximumWeight else {
      throw FederationError(
        "\(scheme.rawValue) adds right up to a weight of \(scheme.maximumWeight) in all, which these vectors exceed; use fewer clients or smaller weights",
        .badInput)
    }
    return weight.partialValue
  }

  /// The refusal of a party without the secret key.
  var noSecretKey: FederationError {
    FederationError(
      "this party has the public key alone, which does not decrypt; ask a client", .badInput)
  }
}
