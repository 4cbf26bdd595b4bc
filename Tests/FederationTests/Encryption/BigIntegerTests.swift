import Solvers
import Testing

@testable import Federation

@Suite struct BigIntegerTests {
  @Test func bytesAndWordsComeBack() throws {
    let number = try #require(BigInteger(hexadecimal: "0123456789abcdeffedcba98765432100f"))
    #expect(number.description == "123456789abcdeffedcba98765432100f")
    #expect(number.bitWidth == 129)
    #expect(number.bigEndian(count: 20).prefix(5) == [0, 0, 0, 1, 0x23])
    #expect(BigInteger(bigEndian: number.bigEndian(count: 17)) == number)
    #expect(number.words(count: 4) == [0xDCBA98765432100F, 0x23456789ABCDEFFE, 0x1, 0])
    #expect(BigInteger(words: number.words(count: 4)) == number)
  }

  @Test func zeroHasNoBits() {
    #expect(BigInteger(0).bitWidth == 0)
    #expect(BigInteger(0).bigEndian(count: 2) == [0, 0])
    #expect(BigInteger(0).words(count: 1) == [0])
    #expect(BigInteger(0).description == "0")
    #expect(BigInteger(bigEndian: []) == BigInteger(0))
  }

  @Test func whatIsNoNumberIsNil() {
    #expect(BigInteger(hexadecimal: "") == nil)
    #expect(BigInteger(hexadecimal: "-5") == nil)
    #expect(BigInteger(hexadecimal: "1g") == nil)
  }

  @Test func arithmeticIsModular() throws {
    let (seven, modulus) = (BigInteger(7), BigInteger(1009))
    #expect((BigInteger(3) - seven).modulo(modulus) == BigInteger(1005))
    #expect(seven.power(BigInteger(1008), modulo: modulus) == BigInteger(1))
    #expect(
      seven.power(secret: BigInteger(500), modulo: modulus)
        == seven.power(BigInteger(500), modulo: modulus))
    let inverse = try #require(seven.inverse(modulo: modulus))
    #expect((inverse * seven).modulo(modulus) == BigInteger(1))
    #expect(BigInteger(6).inverse(modulo: BigInteger(9)) == nil)
  }

  @Test func primesHaveTheirLength() {
    var random = RandomSource(seed: 3)
    for bits in [16, 64, 65, 200] {
      let prime = BigInteger.randomPrime(bits: bits, using: &random)
      #expect(prime.bitWidth == bits && prime.isProbablePrime && prime.isOdd)
      #expect((prime * prime).bitWidth == 2 * bits)
    }
  }

  @Test func randomNumbersFillTheirRange() {
    var random = RandomSource(seed: 4)
    let drawn = (0..<300).map { _ in BigInteger.random(below: BigInteger(5), using: &random) }
    #expect(Set(drawn.map(\.description)) == ["0", "1", "2", "3", "4"])
  }
}
