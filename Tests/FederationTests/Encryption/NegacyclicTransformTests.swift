import Solvers
import Testing

@testable import Federation

@Suite struct NegacyclicTransformTests {
  /// The product modulo X^degree + 1 by its definition.
  private func schoolbook(_ first: [UInt64], _ second: [UInt64], _ modulus: PrimeModulus)
    -> [UInt64]
  {
    var product = [UInt64](repeating: 0, count: first.count)
    for (i, a) in first.enumerated() {
      for (j, b) in second.enumerated() {
        let (place, term) = ((i + j) % first.count, modulus.product(a, b))
        product[place] =
          i + j < first.count
          ? modulus.sum(product[place], term) : modulus.difference(product[place], term)
      }
    }
    return product
  }

  private func multiplied(_ first: [UInt64], _ second: [UInt64], _ transform: NegacyclicTransform)
    -> [UInt64]
  {
    var (first, second) = (first, second)
    transform.forward(&first)
    transform.forward(&second)
    var product = zip(first, second).map { transform.modulus.product($0, $1) }
    transform.inverse(&product)
    return product
  }

  @Test func productIsThatOfPythonsIntegers() throws {
    let golden = try EncryptionGoldens.read().product
    let transform = try #require(
      NegacyclicTransform(
        degree: golden.first.count, modulus: PrimeModulus(value: golden.prime)))
    #expect(multiplied(golden.first, golden.second, transform) == golden.product)
  }

  @Test(arguments: [(2, 20), (64, 40), (512, 60)])
  func productIsTheSchoolbooks(degree: Int, bits: Int) throws {
    let modulus = try #require(
      PrimeModulus.largest(1, bits: bits, order: 2 * UInt64(degree)).first)
    let transform = try #require(NegacyclicTransform(degree: degree, modulus: modulus))
    var random = RandomSource(seed: UInt64(degree))
    // The largest residues too, where lazy sums are nearest to an overflow.
    for bound in [modulus.value, 1] {
      let draw = { (random: inout RandomSource) in
        (0..<degree).map { _ in modulus.value - 1 - random.next() % bound }
      }
      let (first, second) = (draw(&random), draw(&random))
      #expect(multiplied(first, second, transform) == schoolbook(first, second, modulus))
    }
  }

  @Test func inverseUndoesForward() throws {
    for transform in CKKSRing.standard.transforms {
      var random = RandomSource(seed: 9)
      let values = (0..<8192).map { _ in random.next() % transform.modulus.value }
      var copy = values
      transform.forward(&copy)
      #expect(copy != values && copy.allSatisfy { $0 < transform.modulus.value })
      transform.inverse(&copy)
      #expect(copy == values)
    }
  }

  @Test func primesAreThoseThatSEALPicks() {
    #expect(
      CKKSRing.standard.transforms.map(\.modulus.value)
        == [1_152_921_504_606_830_593, 1_099_510_890_497, 1_099_511_480_321])
  }

  @Test func noTransformWithoutARoot() {
    #expect(NegacyclicTransform(degree: 8, modulus: PrimeModulus(value: 23)) == nil)
    #expect(CKKSRing(degree: 8192, scale: 1, firstBits: 12, otherBits: 12) == nil)
  }

  @Test func residuesOfNegativeNumbersArePositive() {
    let modulus = PrimeModulus(value: 17)
    #expect([-1, -17, -18, 0, 16, 17, 35].map(modulus.residue) == [16, 0, 16, 0, 16, 0, 1])
    #expect(modulus.residue(Int64.min) == UInt64((17 - Int64.max % 17 - 1) % 17))
  }
}
