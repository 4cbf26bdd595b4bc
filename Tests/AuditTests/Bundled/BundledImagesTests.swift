import ModelIO
import Testing

@testable import Audit

struct BundledImagesTests {
  @Test(arguments: [32, 64]) func sevenDifferentPhotographs(_ size: Int) {
    let photographs = BundledImages.all(size: size)
    #expect(
      photographs.map(\.name) == [
        "astronaut", "astronaut_face", "rocket", "hubble", "chelsea", "coffee", "retina",
      ])
    #expect(photographs.allSatisfy { $0.image.width == size && $0.image.height == size })
    #expect(Set(photographs.map(\.image)).count == 7)
    #expect(BundledImages.image(named: "coffee", size: size) == photographs[5].image)
    #expect(BundledImages.image(named: "tea", size: size) == nil)
  }

  /// FNV-1a hashes of the pixels that Pillow reads from the source files.
  @Test(arguments: [
    ("astronaut", 32, 0x21EE_6545_85F3_4E71),
    ("astronaut", 64, 0xEC57_B528_7D89_4316),
    ("astronaut_face", 32, 0x7F9E_DF9F_B936_D084),
    ("astronaut_face", 64, 0x3225_5BCD_B023_5667),
    ("rocket", 32, 0x2933_54B1_CBDE_2238),
    ("rocket", 64, 0x2929_E46A_6F30_29FA),
    ("hubble", 32, 0xE7D4_B3E0_3730_A66F),
    ("hubble", 64, 0x7341_8561_A80A_C0CC),
    ("chelsea", 32, 0x1AE4_6ECD_2A8E_0BC3),
    ("chelsea", 64, 0xB082_C830_1B06_5B20),
    ("coffee", 32, 0x0932_C1F4_8C29_C51B),
    ("coffee", 64, 0x24E8_1758_BD6A_521B),
    ("retina", 32, 0x3C82_3E01_C202_743F),
    ("retina", 64, 0x0180_4BC3_8FFA_8206),
  ])
  func pixelsAreThoseOfTheSource(_ name: String, _ size: Int, _ expected: UInt64) throws {
    let image = try #require(BundledImages.image(named: name, size: size))
    let hash = image.pixels.reduce(0xCBF2_9CE4_8422_2325) { (hash: UInt64, byte) in
      (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
    #expect(hash == expected)
  }
}
