import Testing

@testable import XLABackend

struct CompileOptionsTests {
  /// Byte for byte what jaxlib 0.8 serializes.
  @Test func areTheBytesOfTheMessage() {
    #expect(CompileOptions([]).bytes == [0x1A, 4, 0x20, 1, 0x28, 1])
    let override: [UInt8] =
      [0x3A, 0x21, 0x0A, 0x1B] + Array("xla_cpu_enable_fast_min_max".utf8) + [0x12, 2, 0x10, 0]
    #expect(
      CompileOptions([("xla_cpu_enable_fast_min_max", false)]).bytes
        == CompileOptions([]).bytes + override)
  }

  @Test func longNamesHaveLongLengths() {
    let name = String(repeating: "n", count: 200)
    let bytes = CompileOptions([(name, true)]).bytes
    // 200 and 203 + 4 in base 128, the low digits first.
    #expect(bytes[6...].starts(with: [0x3A, 0xCF, 0x01, 0x0A, 0xC8, 0x01]))
    #expect(bytes.count == 6 + 3 + 207)
  }
}
