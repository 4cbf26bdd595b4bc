import Foundation
import Solvers
import Testing

@testable import Federation

@Suite struct CKKSTests {
  private let ring = CKKSRing.standard

  private func keys(_ seed: UInt64) -> (secret: CKKSSecretKey, publicKey: CKKSPublicKey) {
    var random = RandomSource(seed: seed)
    let secret = CKKSSecretKey.generate(using: &random)
    return (secret, secret.publicKey(using: &random))
  }

  private func values(_ count: Int, _ seed: UInt64, size: Double = 1) -> [Double] {
    var random = RandomSource(seed: seed)
    return (0..<count).map { _ in random.uniform(in: -size..<size) }
  }

  private func stream(_ seed: UInt64) -> KeyStream {
    var random = RandomSource(seed: seed)
    return KeyStream(keyFrom: &random)
  }

  @Test func coefficientsAreThoseOfTheDefinition() throws {
    let golden = try EncryptionGoldens.read().embedding
    let values = (0..<4096).map { sin(Double($0)) / 8 }
    let coefficients = ring.embedding.coefficients(values[...], scale: ring.scale)
    for (place, expected) in zip(golden.places, golden.coefficients) {
      #expect(abs(Double(coefficients[place]) - expected) <= 0.51, "coefficient \(place)")
    }
  }

  @Test func encodingComesBack() {
    for count in [1, 5, 4095, 4096] {
      let values = values(count, 1, size: 3)
      let coefficients = ring.embedding.coefficients(values[...], scale: ring.scale)
      let back = ring.embedding.values(
        coefficients.map(Double.init), count: count, scale: ring.scale)
      // Each coefficient is rounded by at most a half: 8192 of them.
      #expect(back.count == count)
      #expect(zip(values, back).allSatisfy { abs($0 - $1) < 1e-10 })
    }
  }

  @Test func sumOfEightClientsIsExactToARelativeErrorOf1e7() {
    let (secret, publicKey) = keys(2)
    var random = stream(3)
    var expected = [Double](repeating: 0, count: 4096)
    var total: CKKSCiphertext?
    for client in 0..<8 {
      let own = values(4096, 10 + UInt64(client), size: 0.05)
      expected = zip(expected, own).map(+)
      let ciphertext = publicKey.encrypt(own[...], using: &random)
      if total?.add(ciphertext) == nil { total = ciphertext }
    }
    let sum = secret.decrypt(total!, count: 4096)
    let errors = zip(sum, expected).map { abs($0 - $1) }
    // Coefficients have an error of deviation 22 each, slots one of 22 √8192 / 2^40 = 1.8e-9, the sum √8 of that.
    let deviation = (errors.reduce(0) { $0 + $1 * $1 } / 4096).squareRoot()
    #expect(2e-9...8e-9 ~= deviation, "\(deviation)")
    #expect(errors.max()! < 4e-8)
    let norm = expected.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(errors.reduce(0) { $0 + $1 * $1 }.squareRoot() / norm < 1e-7)
  }

  @Test func productMultiplies() {
    let (secret, publicKey) = keys(4)
    var random = stream(5)
    let values = values(100, 6)
    var ciphertext = publicKey.encrypt(values[...], using: &random)
    ciphertext.multiply(by: 600)
    let back = secret.decrypt(ciphertext, count: 100)
    #expect(zip(values, back).allSatisfy { abs(600 * $0 - $1) < 1e-5 })
  }

  @Test func largestValuesAndWeightsStayRight() {
    let (secret, publicKey) = keys(7)
    var random = stream(8)
    let largest = CKKSCiphertext.bound.nextDown
    let values = (0..<4096).map { $0 % 3 == 0 ? -largest : largest }
    var ciphertext = publicKey.encrypt(values[...], using: &random)
    ciphertext.multiply(by: CKKSCiphertext.maximumWeight)
    let back = secret.decrypt(ciphertext, count: 4096)
    let scale = Double(CKKSCiphertext.maximumWeight)
    #expect(zip(values, back).allSatisfy { abs($0 * scale - $1) < 1e-12 * largest * scale })
  }

  @Test func anotherKeyDecryptsToNoise() {
    let (_, publicKey) = keys(9)
    let (other, _) = keys(10)
    var random = stream(11)
    let values = values(4096, 12)
    let back = other.decrypt(publicKey.encrypt(values[...], using: &random), count: 4096)
    // Of 2^99 / 2^40 in magnitude.
    #expect(back.filter { $0.magnitude > 1e12 }.count > 4000)
  }

  @Test func freshCiphertextsDifferAndStreamsRepeat() {
    let (_, publicKey) = keys(13)
    var (first, second) = (stream(14), stream(14))
    let values = values(10, 15)
    let ciphertext = publicKey.encrypt(values[...], using: &first)
    #expect(publicKey.encrypt(values[...], using: &second) == ciphertext)
    #expect(publicKey.encrypt(values[...], using: &second) != ciphertext)
  }

  @Test func distributionsAreAsStated() {
    var random = stream(16)
    let ternary = ring.ternary(&random)
    for value in -1...1 as ClosedRange<Int64> {
      // 8192 / 3 with a deviation of 43.
      #expect(2500...2960 ~= ternary.filter { $0 == value }.count)
    }
    let errors = ring.error(&random).map(Double.init)
    let variance = errors.reduce(0) { $0 + $1 * $1 } / 8192
    #expect(9.5...11.5 ~= variance && abs(errors.reduce(0, +) / 8192) < 0.2)
    for (prime, transform) in ring.transforms.enumerated() {
      let uniform = ring.uniform(prime: prime, &random)
      let mean = uniform.reduce(0) { $0 + Double($1) / Double(transform.modulus.value) } / 8192
      #expect(abs(mean - 0.5) < 0.02 && uniform.allSatisfy { $0 < transform.modulus.value })
    }
  }

  @Test func bytesComeBack() throws {
    let (secret, publicKey) = keys(17)
    var random = stream(18)
    let values = values(50, 19)
    let ciphertext = publicKey.encrypt(values[...], using: &random)
    var bytes: [UInt8] = []
    ciphertext.append(to: &bytes)
    #expect(bytes.count == CKKSCiphertext.byteCount && bytes.count == 204_800)
    #expect(try CKKSCiphertext(bytes: bytes[...]) == ciphertext)
    #expect(publicKey.bytes.count == 286_720 && secret.bytes.count == 2048)
    let again = try CKKSPublicKey(bytes: publicKey.bytes)
    #expect(again.a == publicKey.a && again.b == publicKey.b)
    #expect(
      try CKKSSecretKey(bytes: secret.bytes).decrypt(ciphertext, count: 50)
        == secret.decrypt(ciphertext, count: 50))
  }

  @Test func whatIsNoCiphertextOrKeyIsRefused() throws {
    let (secret, publicKey) = keys(20)
    var random = stream(21)
    var bytes: [UInt8] = []
    publicKey.encrypt([1], using: &random).append(to: &bytes)
    #expect(throws: FederationError.self) { try CKKSCiphertext(bytes: bytes.dropLast()) }
    #expect(throws: FederationError.self) { try CKKSCiphertext(bytes: []) }
    // All bits of one residue set: not below its prime.
    for place in [0, 8192 * 60 / 8, bytes.count - 5] {
      var wrong = bytes
      for offset in 0..<(place == 0 ? 8 : 5) { wrong[place + offset] = 0xFF }
      let error = #expect(throws: FederationError.self) { try CKKSCiphertext(bytes: wrong[...]) }
      #expect(error?.kind == .refused)
    }
    #expect(throws: FederationError.self) { try CKKSSecretKey(bytes: secret.bytes.dropLast()) }
    #expect(throws: FederationError.self) {
      try CKKSSecretKey(bytes: [0xFF] + secret.bytes.dropLast())
    }
    #expect(throws: FederationError.self) { try CKKSPublicKey(bytes: publicKey.bytes.dropLast(2)) }
  }
}

@Suite struct PackedBitsTests {
  @Test(arguments: [1, 2, 5, 31, 40, 60, 63])
  func numbersComeBack(bits: Int) {
    var random = RandomSource(seed: UInt64(bits))
    for count in [0, 1, 7, 64, 129] {
      let numbers = (0..<count).map { _ in random.next() >> UInt64(64 - bits) }
      var bytes: [UInt8] = []
      PackedBits.append(numbers, bits: bits, to: &bytes)
      #expect(bytes.count == PackedBits.byteCount(count, bits: bits))
      #expect(bytes.withUnsafeBytes { PackedBits.read(count, bits: bits, from: $0) } == numbers)
    }
  }

  @Test func lowestBitIsFirst() {
    var bytes: [UInt8] = []
    PackedBits.append([0b101, 0b011, 0b110], bits: 3, to: &bytes)
    #expect(bytes == [0b10_011_101, 0b1])
  }
}
