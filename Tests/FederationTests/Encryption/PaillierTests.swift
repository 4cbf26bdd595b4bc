import Solvers
import Testing

@testable import Federation

@Suite struct PaillierTests {
  private let goldens: EncryptionGoldens.Paillier
  private let key: PaillierSecretKey

  init() throws {
    goldens = try EncryptionGoldens.read().paillier
    key = try PaillierSecretKey(
      p: #require(BigInteger(hexadecimal: goldens.p)),
      q: #require(BigInteger(hexadecimal: goldens.q)))
  }

  @Test func ciphertextsAreThoseOfPythonPaillier() {
    for ((plaintext, r), ciphertext) in zip(
      zip(goldens.plaintexts.numbers, goldens.randoms.numbers), goldens.ciphertexts.numbers)
    {
      #expect(key.publicKey.encrypt(plaintext, r: r) == ciphertext)
      #expect(key.encrypt(plaintext, r: r) == ciphertext)
      #expect(key.decrypt(ciphertext) == plaintext)
    }
  }

  @Test func sumsAndProductsAreThoseOfPlaintexts() throws {
    let ciphertexts = goldens.ciphertexts.numbers
    let sum = ciphertexts.dropFirst().reduce(ciphertexts[0]) { key.publicKey.sum($0, $1) }
    #expect(key.decrypt(sum).description == goldens.sum)

    let (plaintext, ciphertext) = (goldens.plaintexts.numbers[5], ciphertexts[5])
    let n = key.publicKey.n
    #expect(
      key.decrypt(key.publicKey.product(ciphertext, BigInteger(1000)))
        == (plaintext * BigInteger(1000)).modulo(n))
    #expect(
      key.decrypt(key.publicKey.sum(ciphertext, plaintext: BigInteger(77)))
        == (plaintext + BigInteger(77)).modulo(n))
  }

  @Test func freshCiphertextsDifferAndDecrypt() {
    var random = RandomSource(seed: 1)
    let plaintext = BigInteger(12345)
    let ciphertexts = [
      key.encrypt(plaintext, using: &random), key.encrypt(plaintext, using: &random),
      key.publicKey.encrypt(plaintext, using: &random),
    ]
    #expect(Set(ciphertexts.map(\.description)).count == 3)
    #expect(ciphertexts.allSatisfy { key.decrypt($0) == plaintext })
  }

  @Test func keysHaveTheirLength() throws {
    var random = RandomSource(seed: 2)
    let key = PaillierSecretKey.generate(bits: 256, using: &random)
    #expect(key.publicKey.bits == 256)
    let back = try PaillierSecretKey(bytes: key.bytes)
    #expect(back.publicKey == key.publicKey && back.bytes == key.bytes && key.bytes.count == 32)
    let ciphertext = key.publicKey.encrypt(BigInteger(5), using: &random)
    #expect(back.decrypt(ciphertext) == BigInteger(5))
  }

  @Test func wrongKeysAreRefused() throws {
    let prime = try #require(BigInteger(hexadecimal: goldens.p))
    #expect(throws: FederationError.self) { try PaillierSecretKey(p: prime, q: prime) }
    #expect(throws: FederationError.self) {
      try PaillierSecretKey(p: prime, q: prime + BigInteger(1))
    }
    #expect(throws: FederationError.self) { try PaillierPublicKey(n: BigInteger(15)) }
    #expect(throws: FederationError.self) { try PaillierPublicKey(n: prime) }
    #expect(throws: FederationError.self) {
      try PaillierSecretKey(p: BigInteger(5), q: BigInteger(11))
    }
  }

  @Test func whatIsNoCiphertextIsRefused() throws {
    let size = key.publicKey.ciphertextByteCount
    let n = key.publicKey.n
    let bad: [[UInt8]] = [
      BigInteger(0).bigEndian(count: size), n.bigEndian(count: size),
      (n * n).bigEndian(count: size), (n * n - BigInteger(1)).bigEndian(count: size + 1),
      [1], [],
    ]
    for bytes in bad {
      let error = #expect(throws: FederationError.self) {
        try key.publicKey.ciphertext(bigEndian: bytes)
      }
      #expect(error?.kind == .refused)
    }
    let good = (n * n - BigInteger(1)).bigEndian(count: size)
    #expect(try key.publicKey.ciphertext(bigEndian: good).bigEndian(count: size) == good)
  }
}

@Suite struct FixedPointPackingTests {
  private let packing = FixedPointPacking.standard

  @Test func fieldsAreThoseOfPhongEtAl() {
    #expect(packing.fields(modulusBits: 3072) == 65)
    #expect(packing.fields(modulusBits: 2048) == 43)
  }

  @Test func valuesComeBackToHalfAStep() throws {
    var random = RandomSource(seed: 5)
    let values = (0..<65).map { _ in random.uniform(in: -127.9..<127.9) } + [-128, 0, 0x1p-24]
    let packed = try packing.packed(values[...])
    let back = packing.unpacked(packed, count: values.count, weight: 1)
    for (value, other) in zip(values, back) { #expect(abs(value - other) <= packing.largestError) }
    #expect(back.suffix(3) == [-128, 0, 0x1p-24])
  }

  @Test func sumsUpToTheLargestWeightAreExact() throws {
    let largest = packing.bound - 0x1p-24
    let values = [largest, -packing.bound, largest, 0.25, -0x1p-24]
    let packed = try packing.packed(values[...])
    let weight = packing.maximumWeight
    let back = packing.unpacked(
      packed * BigInteger(UInt(weight)), count: values.count, weight: weight)
    #expect(back == values.map { $0 * Double(weight) })
  }

  @Test(arguments: [128, -128.1, .infinity, -.infinity, .nan, 1e300])
  func whatDoesNotFitIsRefused(value: Double) {
    let error = #expect(throws: FederationError.self) { try packing.packed([0, value][...]) }
    #expect(error?.kind == .badInput)
    #expect(error?.message.contains("value 1 is \(value)") == true)
  }
}
